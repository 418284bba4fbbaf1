"""Attempts on files: to read, change, plant or swap what is not the job's own.

TARGET is a file outside of the job folder that everybody may read and write, in OUTSIDE, where
everybody may create and remove; PRIVATE is the service's own, with mode 0600.
"""

from __future__ import annotations

from row import rows

READ = [
    *rows(
        "landlock",
        {
            "read-passwd": "open('/etc/passwd').read()",
            "read-hostname": "open('/etc/hostname').read()",
            "read-a-file-outside": "open(TARGET).read()",
            "read-another-jobs-result": "open(OTHER + '/out/model').read()",
            "read-by-relative-path": "open(os.path.relpath(TARGET)).read()",
            "read-by-own-root": "open('/proc/self/root' + TARGET).read()",
            "read-by-own-directory": "open('/proc/self/cwd/' + os.path.relpath(TARGET)).read()",
            "list-outside": "check(os.path.basename(TARGET) in os.listdir(OUTSIDE))",
            "list-etc": "check('passwd' in os.listdir('/etc'))",
            "list-processes": "check(str(VICTIM) in os.listdir('/proc'))",
            "read-a-command-line": "open(f'/proc/{VICTIM}/cmdline').read()",
            "read-a-status": "open(f'/proc/{VICTIM}/status').read()",
            "read-connections": "check(f'{PORT:04X}' in open('/proc/self/net/tcp').read())",
        },
    ),
    *rows(
        "landlock user",
        {
            "read-a-private-file": "open(PRIVATE).read()",
            "list-descriptors": "os.listdir(f'/proc/{VICTIM}/fd')",
        },
    ),
    *rows(
        "landlock user",
        {
            "read-shadow": "open('/etc/shadow').read()",
            "read-the-disk": "check(len(open(DISK, 'rb').read(512)) == 512)",
        },
        root=True,
    ),
    # Who may look into a process is asked by user, by capabilities, and by Landlock's domain.
    *rows(
        "landlock user privileges",
        {
            "read-an-environment": "open(f'/proc/{VICTIM}/environ').read()",
            "open-memory": "open(f'/proc/{VICTIM}/mem', 'r+b')",
            "read-memory-map": "open(f'/proc/{VICTIM}/maps').read()",
            "read-by-a-servers-root": "open(f'/proc/{VICTIM}/root' + TARGET).read()",
            "list-a-servers-directory": "os.listdir(f'/proc/{VICTIM}/cwd/')",
        },
    ),
]

WRITE = [
    *rows(
        "landlock",
        {
            "write-tmp": "plant('/tmp')",
            "write-var-tmp": "plant('/var/tmp')",
            "write-shared-memory": "plant('/dev/shm')",
            "write-another-job": "plant(OTHER + '/out')",
            "append-outside": "open(TARGET, 'a').write('x')",
            "truncate-outside": "os.truncate(TARGET, 0)",
            "delete-outside": "os.unlink(TARGET)",
            "steal-by-move": "os.rename(TARGET, 'out/stolen')",
            "plant-by-move": "open('out/p', 'w'); os.rename('out/p', TARGET)",
            "make-a-folder-outside": "os.mkdir(TARGET + '.d'); os.rmdir(TARGET + '.d')",
            "swap-the-input-folder": "os.rename('in', 'swapped'); os.rename('swapped', 'in')",
            "write-beside-the-job": "plant('..')",
            "write-in-the-jobs-root": "open('evil', 'w').write('x')",
            "move-the-request": "os.rename('request.json', 'out/request')",
            "run-an-own-file": "os.close(os.open('out/run', os.O_CREAT | os.O_WRONLY, 0o700));"
            " open('out/run', 'w').write('#!/bin/sh\\n'); subprocess.run(['out/run'], check=True)",
        },
    ),
    *rows(
        "landlock user",
        {
            "write-usr": "plant('/usr/lib')",
            "write-etc": "plant('/etc')",
            "set-core-pattern": "open('/proc/sys/kernel/core_pattern', 'r+')",
            "set-a-kernel-setting": "open('/proc/sys/vm/overcommit_memory', 'r+')",
            "leave-the-control-group": "open(CGROUP, 'w').write('0')",
        },
        root=True,
    ),
    *rows(
        "landlock user",
        {
            "write-the-input": "open('in/model', 'r+').write('x')",
            "truncate-the-input": "os.truncate('in/model', 0)",
            "write-code": "open('code/plugin.py', 'r+').write('x')",
        },
    ),
    *rows(
        "user modes",
        {
            "delete-the-input": "os.unlink('in/deleted')",
            "rename-the-input": "os.rename('in/renamed', 'in/other')",
        },
    ),
    *rows(
        "landlock user modes",
        {
            "move-the-input": "os.rename('in/moved', 'out/moved')",
            "add-code": "open('code/evil.py', 'w').write('x')",
        },
    ),
    *rows(
        "landlock seccomp",
        {
            "steal-by-hard-link": "os.link(TARGET, 'out/linked')",
            "make-a-symlink": "os.symlink('/etc/shadow', 'out/symlink')",
            "make-a-fifo": "os.mkfifo('out/fifo')",
            "make-a-socket-file": "os.mknod('out/socket', 0o140600)",
        },
    ),
    *rows(
        "landlock seccomp user privileges",
        {
            "make-a-device": "os.mknod('out/null', 0o020666, os.makedev(1, 3))",
            "open-by-handle": "os.close(open_by_handle(TARGET))",
        },
        root=True,
    ),
    *rows(
        "seccomp user",
        {
            "change-a-mode": "os.chmod(TARGET, 0o600); check(os.stat(TARGET).st_mode % 512 == 384)",
            "change-a-time": "os.utime(TARGET, (1, 1)); check(os.stat(TARGET).st_mtime == 1)",
        },
    ),
    *rows(
        "seccomp user privileges",
        {"change-an-owner": "os.chown(TARGET, 1, 1); check(os.stat(TARGET).st_uid == 1)"},
        root=True,
    ),
    *rows("seccomp", {"set-an-attribute": "os.setxattr(TARGET, 'user.evil', b'x')"}),
]
