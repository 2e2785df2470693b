# Driver for Understudy; UNDERSTUDY names the binary. See README.md.
make_config() {
  awk '
  function list(csv,  n,a,i,o) { n=split(csv,a,","); for(i=1;i<=n;i++) o=o (i>1?", ":"") "\"" a[i] "/" (a[i] ~ /:/ ? 128 : 32) "\""; return "[" o "]" }
  BEGIN { print "version: 1\nglobal: {router_id: " ENVIRON["BL_NAME"] "}\nvrrp:\n  instances:" }
  { printf "    - {name: %s, interface: %s, vrid: %d, priority: %d, version: 3, advert_interval: %gms, virtual_ips: %s", $2,$3,$4,$5,$6*1000,list($7)
    print ($8!="" ? ", virtual_ips_excluded: " list($8) : "") "}" }' "$BL_SPEC" > "$BL_DIR/understudy.yaml"
}
start() {
  mkdir -p "$BL_DIR/state"
  ip netns exec "$BL_NS" "$UNDERSTUDY" run -f "$BL_DIR/understudy.yaml" --admin-socket "$BL_DIR/admin.sock" --state-dir "$BL_DIR/state" \
    >"$BL_LOG" 2>&1 </dev/null &
  echo $! > "$BL_DIR/pids"
}
stop() { kill -TERM $(cat "$BL_DIR/pids") 2>/dev/null; }
cleanup() { rm -rf "$BL_DIR/state" "$BL_DIR/admin.sock"; remove_vips; }
