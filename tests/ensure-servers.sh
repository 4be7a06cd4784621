#!/bin/sh
# Finds the servers that the tests start for themselves (MariaDB, Redis), or installs them where that can be done
# without asking. The tests start private servers of their own; one that already runs here is neither used nor needed.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/libexec:/opt/homebrew/bin"
export PATH

found_mariadb() {
    { command -v mariadb-install-db || command -v mysql_install_db; } >/dev/null 2>&1 || return 1
    for program in mariadbd mysqld; do
        if command -v "$program" >/dev/null 2>&1 && "$program" --no-defaults --version 2>/dev/null | grep -q MariaDB; then
            return 0
        fi
    done
    return 1
}

missing() {
    found_mariadb || echo mariadb-server
    command -v redis-server >/dev/null 2>&1 || echo redis-server
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing" $wanted "for the tests (once)…"
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
    # One word a package: they are split on purpose.
    { DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $wanted; } \
        </dev/null >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$log" >&2
    elif [ -z "$(missing)" ]; then
        exit 0
    fi
fi

cat >&2 <<HELP
The database tests need these server programs, which were not found:
$(missing)
Install them and run again:
  Debian, Ubuntu   apt-get install -y --no-install-recommends mariadb-server redis-server
  Fedora, RHEL     dnf install mariadb-server redis
  Arch             pacman -S mariadb redis
  macOS            brew install mariadb redis
The tests start private servers of their own; none needs to be running.
HELP
exit 1
