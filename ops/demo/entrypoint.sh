#!/bin/bash
# What the public images do: {{NAME}} in STARTUP becomes the variable of that name, then it runs.
cd /home/container || exit 70
command=$(printf '%s' "$STARTUP" | sed -e 's/{{/${/g' -e 's/}}/}/g')
printf '\033[1m\033[33mcontainer~ \033[0m%s\n' "$command"
eval "exec $command"
