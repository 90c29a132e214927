#!/bin/sh
# Keep the rules of the class's network in force, in the host's network namespace: CLASS_NETWORK is internet (the
# default), closed or open. A table of its own, so no other firewall of the host changes it, or is changed.
#
#     firewall.sh            sets the rules, looks every few seconds whether they are there, removes them at the end
#     firewall.sh check      says whether they are there
set -eu
bridge=lxmls-class # docker-compose.yml gives it that name, and the hub and its proxy their addresses
hub=02:4c:78:4d:4c:01 proxy=02:4c:78:4d:4c:02
table=lxmls_class

in_force() {
    nft list table inet "$table" >/dev/null 2>&1 && nft list table bridge "$table" >/dev/null 2>&1
}

case ${CLASS_NETWORK:-internet} in
# private and link-local addresses, where clouds keep credentials (169.254.169.254). Docker answers names itself, and
# asks the host's name servers from the network of the container.
internet)
    servers=$(awk '$1 == "nameserver" && $2 !~ /:/ { printf "%s%s", sep, $2; sep = ", " }' /etc/resolv.conf)
    names=${servers:+"ip daddr { $servers } meta l4proto { tcp, udp } th dport 53 return"}
    ipv4="0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3"
    ipv6="fc00::/7, fe80::/10, ff00::/8, 64:ff9b::/96"
    ;;
closed) names='' ipv4=0.0.0.0/0 ipv6=::/0 ;;
open) names='' ipv4='' ipv6='' ;;
*)
    echo "CLASS_NETWORK must be internet, closed or open, got $CLASS_NETWORK" >&2
    exit 1
    ;;
esac

if [ "${1:-}" = check ]; then
    [ ! "$ipv4" ] || in_force
    exit
fi

# Frames from one container to another pass no other chain than the bridge's, of all bridges: $1 is the network of ours.
# A student's container can neither take another address nor send frames of its own making: it has no capability.
set_rules() {
    nft -f - <<END
table inet $table
delete table inet $table
table bridge $table
delete table bridge $table
table bridge $table {
    chain forward {
        type filter hook forward priority 0
        ether type != ip return
        ip saddr != $1 return
        ip daddr != $1 return
        ether saddr { $hub, $proxy } accept
        ether daddr $proxy tcp dport 8000 accept
        ether daddr { $hub, $proxy } tcp flags & (syn | ack) != syn accept
        drop
    }
}
table inet $table {
    chain refuse {
        ct state established,related return
        $names
        reject with icmpx admin-prohibited
    }
    chain forward {
        type filter hook forward priority -10
        iifname != "$bridge" return
        oifname "$bridge" return
        ip daddr { $ipv4 } goto refuse
        ip6 daddr { $ipv6 } goto refuse
    }
    chain input {
        type filter hook input priority -10
        iifname "$bridge" goto refuse
    }
}
END
}

remove_rules() {
    nft delete table inet "$table" 2>/dev/null || :
    nft delete table bridge "$table" 2>/dev/null || :
}
trap 'remove_rules; exit' TERM INT
remove_rules
while :; do
    if [ "$ipv4" ] && ! in_force; then
        set_rules "$(ip -4 -oneline route show dev "$bridge" scope link | cut -d' ' -f1)"
        echo "The rules of the students' network are in force: $CLASS_NETWORK."
    fi
    sleep 5 &
    wait $!
done
