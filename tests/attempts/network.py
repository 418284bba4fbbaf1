"""Attempts on the network: every family of sockets, each way to get one."""

from __future__ import annotations

from row import rows

NETWORK = [
    *rows(
        "landlock seccomp",
        {
            "tcp": "socket.create_connection(('127.0.0.1', PORT), 5)",
            "tcp-ipv6": "socket.create_connection(('::1', PORT6), 5)",
            "tcp-listen": "socket.create_server(('127.0.0.1', 0))",
            "unix-abstract": "dial(socket.AF_UNIX, ABSTRACT)",
            "unix-listen": "s = socket.socket(socket.AF_UNIX); s.bind('out/s'); s.listen()",
        },
    ),
    *rows(
        "seccomp",
        {
            "unix-path": "dial(socket.AF_UNIX, UNIX)",
            "udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
            ".sendto(b'x', ('127.0.0.1', UDP))",
            "udp-ipv6": "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)"
            ".sendto(b'x', ('::1', UDP6))",
            "udp-listen": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(('127.0.0.1', 0))",
            "multipath-tcp": "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262);"
            " s.connect(('127.0.0.1', PORT))",
            "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0))",
            "list-interfaces": "check(socket.if_nameindex())",
            "crypto-socket": "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)",
            "vsock": "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
            "resolve-a-name": "lookup()",
            "socket-by-32-bit-call": "check(socket_32_bit() >= 0)",
            "socket-by-x32-call": "call(0x40000000 | 41, 2, 1, 0)",
        },
    ),
    *rows(
        "seccomp user privileges",
        {
            "raw-socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
            "packet-socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        },
        root=True,
    ),
]
