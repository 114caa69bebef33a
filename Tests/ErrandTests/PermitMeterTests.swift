// The rate rule as a value.

import Errand
import Testing

@Suite struct PermitMeterTests {
    @Test func `a fresh meter gives its burst at once, and then one permit in each interval`() {
        var meter = PermitMeter(interval: 10, burst: 3)
        #expect(meter.permits(at: 1000) == 3)
        meter.take(3, at: 1000)
        #expect(meter.permits(at: 1000) == 0)
        #expect(meter.nextPermit(at: 1000) == 1010)
        #expect(meter.permits(at: 1009) == 0)
        #expect(meter.permits(at: 1010) == 1)
        #expect(meter.nextPermit(at: 1010) == nil)
        #expect(meter.permits(at: 1029) == 2)
        #expect(meter.permits(at: 5000) == 3)
    }

    @Test func `a clock that was set back freezes no rate for longer than its burst takes`() {
        var meter = PermitMeter(interval: 10, burst: 3)
        meter.take(3, at: 1_000_000)
        #expect(meter.permits(at: 500) == 0)
        #expect(meter.nextPermit(at: 500) == 510)
        meter.take(0, at: 500)
        #expect(meter.permits(at: 510) == 1)
    }

    @Test(arguments: 1...20)
    func `in any span no more permits are taken than the burst and those of the span, and none is kept back for long`(_ seed: UInt64) {
        var generator = SplitMix(state: seed)
        let (interval, burst) = (Int64(generator.next() % 50) + 1, Int64(generator.next() % 8) + 1)
        var meter = PermitMeter(interval: interval, burst: burst)
        var now: Int64 = 1_000_000
        var starts: [Int64] = []
        for _ in 0..<500 {
            now += Int64(generator.next() % 40)
            let count = min(meter.permits(at: now), Int(generator.next() % 4))
            #expect((meter.nextPermit(at: now) == nil) == (meter.permits(at: now) > 0))
            meter.take(count, at: now)
            starts += Array(repeating: now, count: count)
        }
        for (index, first) in starts.enumerated() {
            for last in index..<min(index + 60, starts.count) {
                #expect(Int64(last - index + 1) <= burst + (starts[last] - first) / interval)
            }
        }
        #expect(Int64(meter.permits(at: now + burst * interval)) == burst)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014), for numbers that a seed repeats.
    private struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }
}
