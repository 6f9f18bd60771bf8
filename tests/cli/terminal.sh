# What a training shows on a terminal: a bar that fits its width, that is drawn again in place and is gone at the end; lines
# alone where nothing can be drawn again.
. "$(dirname "$0")/lib.sh"
command -v python3 > /dev/null || { echo 'SKIP: there is no python3 to open a terminal with'; exit 77; }

# terminal COLUMNS VARIABLE=VALUE...: trains on a terminal of that width; what it got is in `screen`
cat > terminal.py <<'PY'
import fcntl, os, pty, struct, sys, termios
columns, skua = int(sys.argv[1]), os.environ["SKUA"]
os.environ.update(pair.split("=", 1) for pair in sys.argv[2:])
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execv(skua, [skua, "train", "tiny.yaml", "--out", "run", "--set", "train.epochs=8"])
got = b""
try:
    while part := os.read(terminal, 65536):
        got += part
except OSError: # the child is gone
    pass
open("screen", "wb").write(got)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PY
terminal() {
    rm -rf run
    check "a training on a terminal: $*" python3 terminal.py "$@"
}
# drawn COLUMNS: each drawing fits, the last is erased, and no line of the result has a rest of one
drawn() {
    check "drawings fit into $1 columns and are erased" python3 - "$1" <<'PY'
import re, sys
screen = open("screen", encoding="utf-8", newline="").read().replace("\r\n", "\n")
drawings = re.findall(r"\r([^\r\n\x1b]*)\x1b\[K", screen)
assert any("Epoch" in d for d in drawings) or int(sys.argv[1]) < 10, drawings
assert max(map(len, drawings)) < int(sys.argv[1]), max(drawings, key=len)
assert drawings[-1] == "", drawings[-1]
assert set(re.findall(r"\x1b\[[0-9;]*.", screen)) == {"\x1b[K"}
epochs = [line.rsplit("\x1b[K")[-1] for line in screen.split("\n") if ", Train Loss: " in line]
assert len(epochs) == 8 and all(e.startswith(f"Epoch {i}/8, Train Loss: ") for i, e in enumerate(epochs, 1)), epochs
PY
}
for columns in 80 40 9; do
    terminal $columns TERM=xterm
    drawn $columns
done
terminal 200 TERM=xterm LC_ALL=C
drawn 200
check 'without a letter of Unicode where the locale has none' sh -c '! LC_ALL=C grep -q "[^ -~[:cntrl:]]" screen'
terminal 80 TERM=dumb
check 'nothing is drawn again' sh -c '! grep -q "$(printf "\\033")" screen'
check 'all epochs are there' [ "$(grep -c ', Train Loss: ' screen)" -eq 8 ]
finish
