from __future__ import annotations

from tests.core.corpus.example import example

SCRIPT_EXAMPLES = (
    example(
        "a.py",
        """\
        '''Doc.'''
        import a
        if a:
            def f():
                pass
        else:
            # said of f
            def f():
                def inner(): pass
        class A:
            # said of g
            @dec
            # between
            def g(self):
                pass

            class In:
                def h(self):
                    pass
            # trailing
        def after():
            pass
        X = 1  # said of X
        def z(): pass

        # alone

        # attached
        async def y(): pass
        """,
        """
        module '' 1-3
        function f 4-5
        function f#2 7-9
        class A 10-20
        method A.g 11-15
        class A.In 17-19
        method A.In.h 18-19
        function after 21-22
        function z 24-24
        function y 28-29
        """,
    ),
    example(
        "a.js",
        """\
        exports.foo = function (a) {
        };
        Foo.prototype.bar = function () {
        };
        const a = () => 1,
          b = function () {
          };
        class Z {
          #p() {
          }
          "quoted"() {
          }
          held = () => {
          }
        }
        export const K = class {
          m() {
          }
        };
        /** Doc. */
        export default function () {
        }
        """,
        """
        function exports.foo 1-2
        function Foo.prototype.bar 3-4
        function a 5-5
        function b 6-7
        class Z 8-15
        method Z.#p 9-10
        method Z.quoted 11-12
        method Z.held 13-14
        class K 16-19
        method K.m 17-18
        function default 20-22
        """,
    ),
    example(
        "a.ts",
        """\
        @Dec()
        export class A<T> {
          @In() x: string;
          // said of m
          @M()
          m(): void {
          }
          constructor(private q: number) {
          }
          get v() {
            return 1;
          }
        }
        export abstract class B {
          abstract z(): void;
        }
        namespace N.O {
          export function f() {
          }
        }
        interface I {
          a(): void;
        }
        export type T = {
          a: 1;
        };
        enum E {
          A,
        }
        """,
        """
        class A 1-13
        method A.m 4-7
        method A.constructor 8-9
        method A.v 10-12
        class B 14-16
        function N.O.f 18-19
        class I 21-23
        class T 24-26
        class E 27-29
        """,
    ),
    example(
        "a.tsx",
        """\
        export const M = memo((p: P) => {
          return <div>{p.x}</div>;
        });
        export default class extends Component {
          render() {
            return <a/>;
          }
        }
        """,
        """
        function M 1-3
        class default 4-8
        method default.render 5-7
        """,
    ),
    example(
        "A.java",
        """\
        package a;

        /** Doc. */
        @Ann
        public class A<T> {
            A() {
            }
            @Override
            public void f() {
            }
            public void f(int a) {
            }
            abstract void g();
            enum E {
                X;
                void q() {
                }
            }
        }
        interface I {
            void required();
            default void given() {
            }
        }
        record R(int x) {
            R {
            }
        }
        """,
        """
        class A 3-19
        method A.A 6-7
        method A.f 8-10
        method A.f#2 11-12
        class A.E 14-18
        method A.E.q 16-17
        class I 20-24
        method I.given 22-23
        class R 25-28
        method R.R 26-27
        """,
    ),
)
