#!/bin/sh
# Finds the MariaDB server that the tests start for themselves, or installs it where that can be done without asking.
# The tests start their own private server; one that already runs on this machine is neither used nor needed.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/libexec:/opt/homebrew/bin"
export PATH

found() {
    { command -v mariadb-install-db || command -v mysql_install_db; } >/dev/null 2>&1 || return 1
    for program in mariadbd mysqld; do
        if command -v "$program" >/dev/null 2>&1 && "$program" --no-defaults --version 2>/dev/null | grep -q MariaDB; then
            return 0
        fi
    done
    return 1
}

found && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing mariadb-server for the tests (once)…"
    log=$(mktemp)
    policy=/usr/sbin/policy-rc.d
    made_policy=no
    trap 'rm -f "$log"; [ "$made_policy" = no ] || rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    # A service that starts by itself would be of no use here and may be unwanted on this machine.
    if [ ! -e "$policy" ]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    status=0
    { DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends mariadb-server; } \
        </dev/null >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$log" >&2
    elif found; then
        exit 0
    fi
fi

cat >&2 <<'HELP'
The database tests need a MariaDB server program (mariadbd), which was not found. Install it and run again:
  Debian, Ubuntu   apt-get install -y --no-install-recommends mariadb-server
  Fedora, RHEL     dnf install mariadb-server
  Arch             pacman -S mariadb
  macOS            brew install mariadb
The tests start a private server of their own; none needs to be running.
HELP
exit 1
