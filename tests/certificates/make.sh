#!/bin/sh
# Makes the certificates of the TLS tests anew: an authority and a server for localhost, good from
# 2020 to 2120. They protect nothing; the server's key is public.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > ca.conf <<'END'
[ca]
default_ca = authority
[authority]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
default_startdate = 20200101000000Z
default_enddate = 21200101000000Z
policy = any
unique_subject = no
[any]
commonName = supplied
[authority_extensions]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server_extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
: > index
echo 01 > serial

request() { # name, subject
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc \
        -keyout "$1.key" -out "$1.csr" -subj "$2"
}
request authority "/CN=stook test authority"
openssl ca -batch -notext -config ca.conf -selfsign -keyfile authority.key \
    -extensions authority_extensions -in authority.csr -out authority.pem
request server "/CN=localhost"
openssl ca -batch -notext -config ca.conf -keyfile authority.key -cert authority.pem \
    -extensions server_extensions -in server.csr -out server.pem
cp authority.pem server.pem server.key "$here"
