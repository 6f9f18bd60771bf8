#!/bin/bash
# Who may include whom: each folder of src/ may use itself and the folders named here; anything else fails.
# The order is that of the design: what stands left uses what stands right. kern knows nothing of the project, graph
# neither memory nor backends, data no graph; only exec talks to backends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../src"

declare -A may=(
    [base]=""
    [recipe]="base"
    [kern]=""
    [graph]="recipe base"
    [format]="graph kern recipe base"
    [dist]="format graph kern recipe base"
    [backend]="dist format graph kern recipe base"
    [models]="dist format graph kern recipe base"
    [data]="dist format kern recipe base"
    [exec]="data models backend dist format graph kern recipe base"
)
may[train]="exec data models dist format graph kern recipe base"
may[compress]="train ${may[train]}"
may[report]="compress ${may[compress]}"
may[serve]="report ${may[report]}"
may[cli]="serve ${may[serve]}"

bad=0
while IFS=: read -r file line text; do
    module=${file%%/*}
    header=$(sed -E 's/^[^"]*"([^"]*)".*/\1/' <<<"$text")
    used=${header%%/*}
    [[ $header == */* && $used != "$module" ]] || continue
    if [[ ! -v may[$module] ]]; then
        echo "src/$file:$line: the folder $module has no row in tools/layers.sh"
    elif [[ " ${may[$module]} " != *" $used "* ]]; then
        echo "src/$file:$line: $module must not include \"$header\""
    else
        continue
    fi
    bad=1
done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' . | sed 's|^\./||')
exit $bad
