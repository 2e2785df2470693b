package rawsock

import "golang.org/x/net/bpf"

const (
	filterAccept = 0xffffffff
	filterDrop   = 0
)

// dropAll is the filter of a socket that only sends.
func dropAll() []bpf.Instruction { return []bpf.Instruction{bpf.RetConstant{Val: filterDrop}} }

// vridFilter accepts the adverts of the given virtual routers, and everything
// too short to name one, because that is counted. It looks at the VRID alone:
// whatever else is wrong with an advert has a counter and is judged in user
// space. The set is a table of 8 words, so the program has one size for all sets.
func vridFilter(ipv6 bool, vrids *[256]bool) []bpf.Instruction {
	var words [8]uint32
	for id, wanted := range vrids {
		if wanted {
			words[id/32] |= 1 << (id % 32)
		}
	}
	var body []bpf.Instruction
	if ipv6 { // the data begins with the VRRP message
		body = append(body, bpf.LoadAbsolute{Off: 1, Size: 1})
	} else { // the data begins with the IPv4 header, X holds its length
		body = append(body, bpf.LoadIndirect{Off: 1, Size: 1})
	}
	body = append(body,
		bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 31},
		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 5},
	)
	for i, w := range words[:7] {
		body = append(body,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(i), SkipFalse: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: w},
			bpf.Jump{Skip: uint32(3*(6-i) + 1)},
		)
	}
	body = append(body,
		bpf.LoadConstant{Dst: bpf.RegA, Val: words[7]},
		bpf.ALUOpX{Op: bpf.ALUOpShiftRight},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 1, SkipTrue: 1},
		bpf.RetConstant{Val: filterDrop},
		bpf.RetConstant{Val: filterAccept},
	)

	toAccept := uint8(len(body) - 1)
	if ipv6 {
		return append([]bpf.Instruction{
			bpf.LoadExtension{Num: bpf.ExtLen},
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 2, SkipTrue: toAccept},
		}, body...)
	}
	return append([]bpf.Instruction{
		bpf.LoadMemShift{Off: 0},
		bpf.LoadExtension{Num: bpf.ExtLen},
		bpf.ALUOpX{Op: bpf.ALUOpSub},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 2, SkipTrue: toAccept},
	}, body...)
}
