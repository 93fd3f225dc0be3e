"""Says on stdout what this machine lacks for a PostgreSQL of the tests' own; nothing: it can."""

from tests.team.postgres_server import programs

if __name__ == "__main__" and programs() is None:
    print("the server is not installed (Debian: apt-get install postgresql)")
