"""The embedded PostgreSQL: a server of our own for those who have none, with nothing to set up.

One process owns it, by holding the lock on ``owner.lock`` for life; the kernel frees that lock however the process
ends. The server is the owner's child, asks Linux for a fast shutdown when its owner dies, and is started again when it
dies itself. Other processes of the same account connect as guests. It listens on a Unix socket only, in a folder closed
to other accounts, and asks for a password of 256 random bits.

    owner killed         the server shuts down in order; the next owner waits for it, then starts its own
    server killed        the owner starts it again; PostgreSQL recovers what was committed
    everything killed    the next owner starts it; a stale lock file is judged by PostgreSQL, never deleted
    recovery is long     it is waited for, as long as the server lives

What it is not for: more than one machine. Then name a server in DATABASE_URL.
"""

from .embedded import EmbeddedServer, embedded_postgres, running_server, start_throwaway
from .errors import EmbeddedError
from .folders import default_data_dir

__all__ = [
    "EmbeddedError",
    "EmbeddedServer",
    "default_data_dir",
    "embedded_postgres",
    "running_server",
    "start_throwaway",
]
