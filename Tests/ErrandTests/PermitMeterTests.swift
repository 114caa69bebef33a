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

    @Test func `whatever a store holds, nothing overflows`() {
        for (interval, burst, fullAt) in [
            (Int64.max, Int64.max, Int64.max), (315_360_000_000_000, 1_000_000, 0), (0, 0, .min), (-5, -5, 7),
        ] {
            var meter = PermitMeter(interval: interval, burst: burst, fullAt: fullAt)
            let now: Int64 = 1_800_000_000_000_000
            let permits = meter.permits(at: now)
            #expect(permits >= 0)
            _ = (meter.nextPermit(at: now), meter.nextPermit(after: 0, at: now))
            if permits > 0 { meter.take(1, at: now) }
            #expect(meter.permits(at: now) <= permits)
        }
    }

    @Test func `a burst that takes longer than ten years to save up is refused`() {
        let scope = LimitScope.queue("a")
        let decade = Duration.seconds(3650 * 86_400)
        #expect(SettingRules.problem(with: .rate(RateLimit(interval: decade, burst: 1)), of: scope) == nil)
        #expect(SettingRules.problem(with: .rate(RateLimit(interval: decade, burst: 2)), of: scope)?.contains("ten years") == true)
        #expect(SettingRules.problem(with: .keyRate(RateLimit(interval: decade, burst: 1_000_000)), of: scope) != nil)
        #expect(SettingRules.problem(with: .rate(RateLimit(interval: .seconds(60), burst: 1_000_000)), of: scope) == nil)
    }

    @Test(arguments: ["10/s", "100/m,20", "1/7s", "1/1d", "1/1h30m", "5/m", "1/1s500ms", "1000000/s"])
    func `a rate is written as it is read`(text: String) throws {
        let rate = try RateText.parse(text)
        #expect(try RateText.parse(RateText.format(rate)) == rate, "\(RateText.format(rate))")
    }
}
