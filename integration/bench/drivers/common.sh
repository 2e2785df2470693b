# What all drivers share: remove_vips takes away the /32 and /128 addresses that a killed program left.
remove_vips() {
  ip -n "$BL_NS" -br addr show | awk '{split($1,d,"@"); for(i=3;i<=NF;i++) if (d[1]!="lo" && $i ~ /\/(32|128)$/) print "addr del " $i " dev " d[1]}' |
    ip -n "$BL_NS" -force -batch - 2>/dev/null || true
}
