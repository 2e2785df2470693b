# Driver for keepalived; KEEPALIVED names another binary. See README.md.
KEEPALIVED=${KEEPALIVED:-keepalived}
make_config() {
  awk '
  function vips(csv,  n,a,i) { n=split(csv,a,","); for(i=1;i<=n;i++) printf "  %s/%d dev %s\n", a[i], (a[i] ~ /:/ ? 128 : 32), $3 }
  BEGIN { print "global_defs {\n router_id " ENVIRON["BL_NAME"] "\n vrrp_version 3\n}" }
  { printf "vrrp_instance %s {\n state BACKUP\n interface %s\n virtual_router_id %d\n priority %d\n advert_int %s\n virtual_ipaddress {\n", $2,$3,$4,$5,$6
    vips($7); print " }"
    if ($8!="") { print " virtual_ipaddress_excluded {"; vips($8); print " }" }
    print "}" }' "$BL_SPEC" > "$BL_DIR/keepalived.conf"
}
start() {
  ip netns exec "$BL_NS" "$KEEPALIVED" -n -l -G -P -f "$BL_DIR/keepalived.conf" -p "$BL_DIR/main.pid" -r "$BL_DIR/vrrp.pid" \
    >"$BL_LOG" 2>&1 </dev/null &
  echo $! > "$BL_DIR/pids"
}
stop() { kill -TERM $(cat "$BL_DIR/pids") 2>/dev/null; }
cleanup() { rm -f "$BL_DIR"/*.pid; remove_vips; }
