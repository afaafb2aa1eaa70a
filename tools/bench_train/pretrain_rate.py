"""Images per second of a pretrain command, from its own progress line. Prints
"images_per_second peak_kilobytes"; the run is thrown away.
  pretrain_rate.py SECONDS COMMAND...
"""
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import time

DONE = re.compile(rb"training \S+ (\d+)/\d+ images")


def main():
    seconds, command = float(sys.argv[1]), sys.argv[2:]
    # On a terminal the line is renewed at every step.
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    text, seen = b"", []
    while len(seen) < 4 or seen[-1][0] - seen[2][0] < seconds:
        try:
            text += os.read(ours, 65536)
        except OSError:  # The program ended.
            sys.stderr.write(text.decode(errors="replace"))
            return 1
        for found in DONE.finditer(text):
            if not seen or int(found[1]) > seen[-1][1]:
                seen.append((time.monotonic(), int(found[1])))
        text = text[-1000:]
    process.send_signal(signal.SIGKILL)
    process.wait()
    # Without the first steps, in which memory is taken and kernels are made.
    (t0, n0), (t1, n1) = seen[1], seen[-1]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print("%.3f %d" % ((n1 - n0) / (t1 - t0), peak))
    return 0


if __name__ == "__main__":
    sys.exit(main())
