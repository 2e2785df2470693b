package packet

import (
	"fmt"
	"testing"
)

func TestCounterNamesAreThoseOfTheStatisticsFile(t *testing.T) {
	seen := map[string]bool{}
	for c := range VRRPCounters {
		if name := c.String(); name == "" || seen[name] {
			t.Errorf("counter %d is called %q, empty or twice", c, name)
		} else {
			seen[name] = true
		}
	}
	for _, name := range []string{
		"advert_rcvd", "advert_sent", "become_master", "release_master", "packet_len_err", "advert_interval_err",
		"ip_ttl_err", "invalid_type_rcvd", "addr_list_err", "invalid_authtype", "authtype_mismatch", "auth_failure",
		"pri_zero_rcvd", "pri_zero_sent",
	} {
		if !seen[name] {
			t.Errorf("no counter is called %s", name)
		}
	}
	if got, want := VRRPCounters.String(), fmt.Sprintf("counter(%d)", uint8(VRRPCounters)); got != want {
		t.Errorf("out of range: %q, want %q", got, want)
	}
}
