package packet

import "fmt"

// vrrpCounterNames are the names under which the counters are shown: those
// of keepalived's statistics where it has one.
var vrrpCounterNames = [VRRPCounters]string{
	VRRPAdvertRcvd:        "advert_rcvd",
	VRRPAdvertSent:        "advert_sent",
	VRRPBecomeMaster:      "become_master",
	VRRPReleaseMaster:     "release_master",
	VRRPTooShort:          "too_short",
	VRRPIgnored:           "ignored",
	VRRPNotMulticast:      "multicast_mismatch",
	VRRPAuthtypeMismatch:  "authtype_mismatch",
	VRRPPacketLenErr:      "packet_len_err",
	VRRPTTLErr:            "ip_ttl_err",
	VRRPVersErr:           "vers_err",
	VRRPInvalidAuthtype:   "invalid_authtype",
	VRRPAuthFailure:       "auth_failure",
	VRRPAdvertIntervalErr: "advert_interval_err",
	VRRPInvalidTypeRcvd:   "invalid_type_rcvd",
	VRRPIntervalDiffers:   "advert_interval_differs",
	VRRPReservedBits:      "reserved_bits",
	VRRPChecksumErr:       "chk_err",
	VRRPDestinationErr:    "destination_err",
	VRRPOwnerIgnored:      "owner_ignored",
	VRRPAddrListErr:       "addr_list_err",
	VRRPSourceErr:         "unicast_src_err",
	VRRPPriZeroRcvd:       "pri_zero_rcvd",
	VRRPPriZeroSent:       "pri_zero_sent",
	VRRPSendErr:           "send_err",
}

// String is the counter's name in status, metrics and statistics files. To
// list all counters, range over VRRPCounters.
func (c VRRPCounter) String() string {
	if c < VRRPCounters {
		return vrrpCounterNames[c]
	}
	return fmt.Sprintf("counter(%d)", uint8(c))
}
