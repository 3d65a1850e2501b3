#!/bin/sh
# Makes a P-256 key and a certificate for localhost, signed by itself and good for 30 days: FOLDER/key.pem, FOLDER/cert.pem.
#
#   sh scripts/certificate.sh FOLDER
set -eu
[ $# = 1 ] || { echo "usage: certificate.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 30 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
    -keyout "$1/key.pem" -out "$1/cert.pem" >"$1/openssl.log" 2>&1 || {
    cat "$1/openssl.log" >&2
    exit 1
}
