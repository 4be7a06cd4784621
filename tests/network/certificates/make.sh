#!/bin/sh
# Makes the certificates of the tests anew, for a hundred years. Kept in the tree, so that no test needs openssl.
#   company-ca   a company's private authority; it has signed server, which names the hosts that the tests play
#   mysql-ca     what MySQL 8 makes for itself; it has signed mysql-server, which names no host at all
# A .pem of a server holds its key too: it opens nothing but these tests. The keys of the authorities are thrown away.
set -eu
cd "$(dirname "$0")"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$made/$1.key"; }

authority() {
    key "$1"
    openssl req -x509 -new -key "$made/$1.key" -days 36500 -subj "/CN=$2" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

server() {
    key "$1"
    printf 'basicConstraints=critical,CA:FALSE\n%s' "$4" >"$made/$1.ext"
    openssl req -new -key "$made/$1.key" -subj "/CN=$3" -out "$made/$1.csr"
    openssl x509 -req -in "$made/$1.csr" -CA "$2.pem" -CAkey "$made/$2.key" -CAserial "$made/serial" -CAcreateserial \
        -days 36500 -extfile "$made/$1.ext" -out "$1.pem"
    cat "$made/$1.key" >>"$1.pem"
}

authority company-ca "War room tests: a company's authority"
server server company-ca "War room tests: server" \
    "subjectAltName=IP:127.0.0.1,DNS:api.datadoghq.com,DNS:slack.com,DNS:example.atlassian.net"
authority mysql-ca "MySQL_Server_8.0.44_Auto_Generated_CA_Certificate"
server mysql-server mysql-ca "MySQL_Server_8.0.44_Auto_Generated_Server_Certificate" ""
