#!/bin/sh
# Makes the certificates that the TLS tests and benches use, with the openssl command line; does nothing when they are there.
#
#   sh scripts/certificates.sh FOLDER          one such folder belongs to each build: build/tls
#
# Each NAME is NAME.pem with its key NAME.key, P-256 unless said otherwise, for localhost, 127.0.0.1 and ::1 unless said
# otherwise, and signed by ca.pem. They are valid from 2020 to 2049, so that a folder never grows old.
#
#   ca other-ca         authorities; ca-and-other.pem has both; hashed/ has ca.pem as SSL_CERT_DIR wants it
#   server server-2     the good one, and the one that takes its place
#   second              for second.test and *.second.test: another name on the same server
#   rsa                 with an RSA key of 2048 bits
#   chain               signed by an intermediate authority, which is in the file too; leaf.pem is without it
#   wrong-name          for other.test and *.other.test
#   expired             until 2021-01-01 00:00:00 UTC
#   not-yet             from 2090-01-01 00:00:00 UTC
#   self-signed         by itself
#   other               signed by other-ca
#   wrong-usage         for clients only
#   client              "CN=device 17, O=Example", names device-17.test and device@example.test
#   client-expired      until 2021-01-01 00:00:00 UTC
#   client-other        the same as client, signed by other-ca
#   client-wrong-usage  for servers only
#
# server.pin, rsa.pin and self-signed.pin have what pins of wsrs_tls_options wants to have for them.
set -eu
scripts=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || { echo "usage: certificates.sh FOLDER" >&2; exit 2; }
mkdir -p "$(dirname "$1")"
folder=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
edition=$(cksum <"$scripts/certificates.sh")
is_there() { [ "$(cat "$folder/edition" 2>/dev/null)" = "$edition" ]; }
! is_there || exit 0

cd "$scripts/.."
. scripts/need.sh
need openssl openssl
need_done

# Tests that begin together ask for it together: one makes it, and the others wait.
if command -v flock >/dev/null 2>&1; then
    exec 9>"$folder.lock"
    flock 9
    ! is_there || exit 0
fi

# Made beside its place and moved there when it is whole.
making=$folder.$$
trap 'rm -rf "$making"' EXIT
rm -rf "$making"
mkdir -p "$making/hashed" "$making/issued"
cd "$making"

cat >openssl.cnf <<'END'
[ca]
default_ca = test
[test]
dir = .
new_certs_dir = issued
database = index
rand_serial = yes
unique_subject = no
policy = any
default_md = sha256
copy_extensions = none
email_in_dn = no
[any]
countryName = optional
organizationName = optional
commonName = supplied
[req]
distinguished_name = empty
prompt = no
[empty]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[end]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
extendedKeyUsage = ${ENV::USAGE}
subjectAltName = ${ENV::NAMES}
END
: >index
export USAGE=serverAuth NAMES=DNS:localhost
always=20200101000000Z until=20491231235959Z

# key NAME [OPTION...]
key() {
    name=$1
    shift
    [ $# -gt 0 ] || set -- EC -pkeyopt ec_paramgen_curve:P-256
    openssl genpkey -algorithm "$@" -out "$name.key"
}

# sign NAME SUBJECT SIGNER EXTENSIONS [FROM UNTIL]: NAME.pem about NAME.key. SIGNER may be NAME itself.
sign() {
    by="-cert $3.pem"
    [ "$1" != "$3" ] || by=-selfsign
    openssl req -new -config openssl.cnf -key "$1.key" -subj "$2" -out "$1.csr"
    # shellcheck disable=SC2086
    openssl ca -batch -notext -config openssl.cnf $by -keyfile "$3.key" -in "$1.csr" -extensions "$4" \
        -startdate "${5:-$always}" -enddate "${6:-$until}" -out "$1.pem"
}

# certificate NAME SUBJECT SIGNER USAGE NAMES [FROM UNTIL]
certificate() {
    [ -f "$1.key" ] || key "$1"
    USAGE=$4 NAMES=$5
    name=$1 subject=$2 signer=$3
    shift 5
    sign "$name" "$subject" "$signer" end "$@"
}

# pin NAME: RFC 7469 section 2.4, as curl writes it.
pin() {
    openssl x509 -in "$1.pem" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
        printf 'sha256//%s' "$(openssl base64 -A)"
}

make_all() {
    local=DNS:localhost,IP:127.0.0.1,IP:::1
    for name in ca other-ca intermediate; do key "$name"; done
    sign ca '/O=Example/CN=wsrs test authority' ca authority
    sign other-ca '/O=Example/CN=another test authority' other-ca authority
    sign intermediate '/O=Example/CN=wsrs test intermediate' ca authority
    cat ca.pem other-ca.pem >ca-and-other.pem

    certificate server /CN=localhost ca serverAuth "$local"
    certificate server-2 /CN=localhost ca serverAuth "$local"
    certificate second /CN=second.test ca serverAuth 'DNS:second.test,DNS:*.second.test'
    key rsa RSA -pkeyopt rsa_keygen_bits:2048
    certificate rsa /CN=localhost ca serverAuth "$local"
    certificate chain /CN=localhost intermediate serverAuth "$local"
    cp chain.pem leaf.pem
    cp chain.key leaf.key
    cat intermediate.pem >>chain.pem

    certificate wrong-name /CN=other.test ca serverAuth 'DNS:other.test,DNS:*.other.test'
    certificate expired /CN=localhost ca serverAuth "$local" "$always" 20210101000000Z
    certificate not-yet /CN=localhost ca serverAuth "$local" 20900101000000Z 20910101000000Z
    certificate self-signed /CN=localhost self-signed serverAuth "$local"
    certificate other /CN=localhost other-ca serverAuth "$local"
    certificate wrong-usage /CN=localhost ca clientAuth "$local"

    device='/O=Example/CN=device 17' names=DNS:device-17.test,email:device@example.test
    certificate client "$device" ca clientAuth "$names"
    certificate client-expired "$device" ca clientAuth "$names" "$always" 20210101000000Z
    certificate client-other "$device" other-ca clientAuth "$names"
    certificate client-wrong-usage "$device" ca serverAuth "$names"

    for name in server rsa self-signed; do pin "$name" >"$name.pin"; done
    cp ca.pem "hashed/$(openssl x509 -in ca.pem -noout -subject_hash).0"
}

if ! make_all >log 2>&1; then
    cat log >&2
    exit 1
fi
rm -rf ./*.csr issued index* openssl.cnf log
echo "$edition" >edition
rm -rf "$folder"
mv "$making" "$folder"
