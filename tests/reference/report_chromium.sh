#!/bin/bash
# Reports in a real browser: Chromium, headless, must show the page without a message on its console, ask for nothing else,
# keep the page within its window on a phone, and print it. Debian: apt-get install chromium; SKUA_CHROMIUM names another.
source "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"
browser=${SKUA_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || { echo 'skipped: no chromium (SKUA_CHROMIUM names one)'; exit 77; }

# browse ARGUMENTS...: what the page logged is in `console`; the browser finds no host
browse() {
    XDG_CACHE_HOME=$scratch XDG_CONFIG_HOME=$scratch timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --no-first-run \
        --host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir="$scratch/profile" --enable-logging=stderr --v=0 --hide-scrollbars "$@" 2> browser.log
    grep -E 'CONSOLE' browser.log > console
    return 0
}
# strict PAGE: opens it where all that is not in the page itself is forbidden, which the console would tell
strict() {
    sed "s|<meta charset=\"utf-8\">|&<meta http-equiv=\"Content-Security-Policy\" \
content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">|" "$1" > strict.html
    browse --dump-dom "file://$scratch/strict.html" > dom
}
# measure PAGE: opens it in a window of 360 pixels, with a script of the test that looks for what is wider
measure() {
    sed 's|</body>|<script src="measure.js"></script></body>|' "$1" > measured.html
    cat > measure.js << 'JS'
document.querySelectorAll("details").forEach(d => { d.open = true; });
const wide = [...document.querySelectorAll("body *")].filter(
    e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, svg"));
document.body.dataset.found = `${wide.length} wide of ${innerWidth}`;
JS
    cat > frame.html << 'HTML'
<iframe src="measured.html" width="360" height="800"></iframe>
<script>addEventListener("load", () => document.body.dataset.found = frames[0].document.body.dataset.found)</script>
HTML
    browse --allow-file-access-from-files --dump-dom "file://$scratch/frame.html" > dom
    found=$(grep -o 'data-found="[^"]*"' dom)
}
browse --dump-dom 'data:text/html,<title>up</title>' > dom
grep -q '<title>up' dom || { echo "skipped: '$browser' does not run here"; exit 77; }
browse --dump-dom 'data:text/html,<script>console.error(1)</script>' > /dev/null
check 'a message on the console is seen' [ -s console ]
echo '<meta charset="utf-8"><body><div style="width:2000px"><img src="other.png"></div></body>' > wide.html
measure wide.html
check "what is wide is seen: $found" grep -qE 'data-found="1 wide of 3[0-9]+"' dom
strict wide.html
check 'what a page asks for is seen' [ -s console ]

run 0 train tiny.yaml --out one --set expect.accuracy=0.01
run 0 train tiny.yaml --out two --set model.width=0.125
run 0 report one
long=a-run-$(printf 'that-has-much-to-say-about-itself-%.0s' 1 2 3)$(printf 'x%.0s' {1..60})
cp -r two "$long"
run 0 report one two "$long" --out pair.html
run 0 data inspect tiny.yaml --html data.html --split train
cp one/report.html one.html
for page in one pair data; do
    browse --dump-dom "file://$scratch/$page.html" > dom
    check "$page: no message on the console" [ ! -s console ]
    check "$page: it is there" grep -q '<h1>' dom
    browse --window-size=390,900 --screenshot=small.png "file://$scratch/$page.html"
    check "$page: a picture of it" [ -s small.png ]
    browse --no-pdf-header-footer --print-to-pdf=page.pdf "file://$scratch/$page.html"
    check "$page: it prints" [ "$(head -c 4 page.pdf)" = %PDF ]

    strict "$page.html"
    check "$page: asks for nothing" [ ! -s console ]
    check "$page: is there" grep -q '<h1>' dom
    measure "$page.html"
    check "$page: nothing is wider than the window but what scrolls by itself: $found" \
        grep -qE 'data-found="0 wide of 3[0-9]+"' dom
done
finish
