from __future__ import annotations

from tests.core.corpus.example import example

SYSTEM_EXAMPLES = (
    example(
        "a.rs",
        """\
        use std::fmt;

        /// Doc.
        #[derive(Debug)]
        pub struct A<T> {
            x: T,
        }
        impl<T> fmt::Display for A<T> {
            /// Doc.
            #[inline]
            fn fmt(&self) -> R {
                fn inner() {}
            }
        }
        impl A<u8> {
            fn new() -> Self {
            }
        }
        impl A<u16> {
            fn new() -> Self {
                1
            }
        }
        trait Tr {
            fn required(&self);
            fn given(&self) {
            }
        }
        enum E {
            A,
        }
        macro_rules! foo {
            () => {}
        }
        mod tests {
            #[test]
            fn t() {
            }
        }
        """,
        """
        class A 3-7
        class impl fmt::Display for A<T> 8-14
        method A::fmt 9-13
        class impl A<u8> 15-18
        method A::new 16-17
        class impl A<u16> 19-23
        method A::new#2 20-22
        class Tr 24-28
        method Tr::given 26-27
        class E 29-31
        function foo! 32-34
        function tests::t 36-38
        """,
    ),
    example(
        "a.go",
        """\
        package x

        // A is.
        type A struct {
        \tx int
        }

        type (
        \t// B is.
        \tB int
        \tC interface {
        \t\tF()
        \t}
        )

        // F does.
        func (a *A) F() {
        \tf := func() {}
        }
        func (m Map[K, V]) G() {
        }
        func H[T any](x T) {
        }
        """,
        """
        class A 3-6
        class B 9-10
        class C 11-13
        method A.F 16-19
        method Map.G 20-21
        function H 22-23
        """,
    ),
    example(
        "a.c",
        """\
        /* Doc. */
        typedef struct {
            int a;
        } foo_t;
        struct b {
            struct in { int q; } x;
        };
        static int *f(int a) {
            return 0;
        }
        int (*g(void))(int) {
            return 0;
        }
        #ifdef X
        int h(void) {
        }
        #else
        int h(void) {
            return 1;
        }
        #endif
        enum e {
            A
        };
        int declared(int);
        """,
        """
        class foo_t 1-4
        class b 5-7
        function f 8-10
        function g 11-13
        function h 15-16
        function h#2 18-20
        class e 22-24
        """,
    ),
    example(
        "a.hpp",
        """\
        namespace a::b {
        // Doc.
        template <class T>
        class A : public B {
         public:
          A() : x(1) {
          }
          ~A() = default;
          bool operator==(const A& o) {
            return true;
          }
          class In {
            void g() {
            }
          };
          operator int() {
            return 1;
          }
          void declared();
        };
        template <class T>
        void A<T>::f() {
        }
        std::string& A::h() {
        }
        }
        namespace {
        int hidden() {
        }
        }
        enum class E {
          X
        };
        """,
        """
        class a::b::A 2-20
        method a::b::A::A 6-7
        method a::b::A::operator== 9-11
        class a::b::A::In 12-15
        method a::b::A::In::g 13-14
        method a::b::A::operator int 16-18
        method a::b::A::f 21-23
        method a::b::A::h 24-25
        function hidden 28-29
        class E 31-33
        """,
    ),
    example(
        "a.swift",
        """\
        /// Doc.
        @objc
        public class A<T>: B {
            init() {
            }
            deinit {
            }
            subscript(i: Int) -> Int {
                1
            }
            static func == (a: A, b: A) -> Bool {
                true
            }
        }
        extension A where T: X {
            func g() {
            }
        }
        protocol P {
            func required()
        }
        enum E {
            case a
            func i() {
            }
        }
        """,
        """
        class A 1-14
        method A.init 4-5
        method A.deinit 6-7
        method A.subscript 8-10
        method A.== 11-13
        class extension A 15-18
        method A.g 16-17
        class P 19-21
        class E 22-26
        method E.i 24-25
        """,
    ),
)
