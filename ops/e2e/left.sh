#!/usr/bin/env bash
# What a person would look at to see whether anything of an instance stayed after ops/down: prints it.
#   left.sh TAG
{
    ls /run/netns 2>/dev/null
    ls /sys/class/net /sys/fs/cgroup /sys/fs/cgroup/memory 2>/dev/null
    nft list tables 2>/dev/null
    cut -d' ' -f2 /proc/self/mounts
    ls -d /run/warren-* 2>/dev/null
    ps -eo args
} | grep -F -- "$1" | grep -vE 'grep|left\.sh'
exit 0
