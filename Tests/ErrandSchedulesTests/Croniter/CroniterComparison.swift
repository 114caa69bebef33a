// Compares slots with croniter's answers, and gives every difference a name without looking at our answer.

import ErrandContext

@testable import ErrandSchedules

/// Why croniter may answer differently.
enum CroniterDifference: String, CaseIterable {
    /// `30 2 * * *`: croniter's answer is a reading that the clock shows for the second time, after it was set back.
    case repeatedReading = "a repeated reading comes once"
    /// `0 */2 * * *`: croniter's answer is the end of a gap, to which it moves the steps of a wildcard as well.
    case skippedPace = "a skipped reading of */n does not come"
    /// `15 30 2 * * *`: croniter moves a skipped reading by whole minutes, so that it keeps its second after the gap.
    case skippedSecond = "a skipped reading with seconds comes at the gap's end"
    /// `14-52 * * * *` in Lord Howe, where 02:00 becomes 01:30: croniter looks for the repeated stretch from half an hour before the base
    /// on, finds 01:29, which is past, and leaves the stretch out. So it does in Troll, where two hours are repeated.
    case unusualRepetition = "readings repeated by a change of other than an hour come again"
    /// `5-5` is every value to croniter, and one value here and to cron.
    case equalRange = "a range with equal ends is one value"
    /// `SAT-TUE/2` is Saturday and Tuesday to croniter; two days after Saturday is Monday.
    case wrappedStep = "a step goes on through a range that wraps around"
    /// `0 0 13 * FRI#2` leaves the 13th out in croniter, although with both day fields restricted either is enough.
    case numberedWeekday = "a day of the month or a numbered weekday"
}

/// One question to both.
struct CroniterCase {
    let line: String
    let zone: String
    let base: Int64

    var question: String { "\(base)\t\(zone)\t\(line)" }
}

/// What a comparison found.
struct CroniterComparison {
    typealias Next = (Schedule, Timestamp) -> Timestamp?

    /// One answer of ours that is not croniter's; `nil` where one of the two has none.
    private struct Difference {
        let question: CroniterCase
        let ours: Int64?
        let theirs: Int64?
    }

    private(set) var steps = 0
    private(set) var neverComes = 0
    private(set) var explained: [CroniterDifference: Int] = [:]
    private(set) var unexplained: [String] = []

    /// Each of croniter's three times is compared with our next one after the time before it, so that a difference counts once. Where the
    /// line is written in a way that croniter reads differently, croniter is asked again with the line written out, and must agree then.
    init(_ cases: [CroniterCase], next: Next, croniter: ([String]) throws -> [Substring]) rethrows {
        var rewritten: [(reason: CroniterDifference, difference: Difference, lines: [CroniterCase])] = []
        for (question, answer) in zip(cases, try croniter(cases.map(\.question))) {
            for difference in differences(question, answer, next) {
                if let reason = CroniterComparison.clockReason(difference) {
                    explained[reason, default: 0] += 1
                } else if let (reason, lines) = CroniterRewriting.lines(of: difference.question.line) {
                    let cases = lines.map { CroniterCase(line: $0, zone: question.zone, base: difference.question.base) }
                    rewritten.append((reason, difference, cases))
                } else {
                    note(difference)
                }
            }
        }
        var answers = try croniter(rewritten.flatMap { $0.lines.map(\.question) })[...]
        for (reason, difference, lines) in rewritten {
            let times = answers.prefix(lines.count).compactMap { $0.split(separator: " ").first.flatMap { Int64($0) } }
            answers = answers.dropFirst(lines.count)
            let again = Difference(question: difference.question, ours: difference.ours, theirs: times.min())
            if again.ours == again.theirs {
                explained[reason, default: 0] += 1
            } else if let reason = CroniterComparison.clockReason(again) {
                explained[reason, default: 0] += 1
            } else {
                note(again)
            }
        }
    }

    var summary: String {
        let classes = CroniterDifference.allCases.map { "\n  \($0.rawValue): \(explained[$0, default: 0])" }.joined()
        return "\(steps) steps, \(unexplained.count) unexplained; both say never: \(neverComes)\(classes)"
    }

    private mutating func differences(_ question: CroniterCase, _ answer: Substring, _ next: Next) -> [Difference] {
        let times = answer.split(separator: " ").compactMap { Int64($0) }
        let isNever = answer.contains("failed to find next date")
        let schedule: Schedule
        do throws(ScheduleProblem) {
            schedule = try .cron(question.line, zone: question.zone)
        } catch {
            if error.description.hasPrefix("that never comes"), isNever {
                neverComes += 1
                return []
            }
            return [Difference(question: question, ours: nil, theirs: times.first)]
        }
        func ours(after base: Int64) -> Int64? { next(schedule, Timestamp(seconds: base))?.wholeSeconds }
        guard times.count == 3 else { return [Difference(question: question, ours: ours(after: question.base), theirs: nil)] }
        return zip([question.base] + times, times).compactMap { base, time in
            steps += 1
            let ours = ours(after: base)
            let step = CroniterCase(line: question.line, zone: question.zone, base: base)
            return ours == time ? nil : Difference(question: step, ours: ours, theirs: time)
        }
    }

    private mutating func note(_ difference: Difference) {
        let question = difference.question
        func text(_ time: Int64?) -> String {
            guard let time, let zone = try? ScheduleZone(question.zone) else { return "never" }
            return zone.text(Timestamp(seconds: time))
        }
        unexplained.append(
            "\(question.line) in \(question.zone) after \(text(question.base)): \(text(difference.ours)), and croniter \(text(difference.theirs))"
        )
    }

    /// From the line, the zone and croniter's answer alone. With particular hours, the answer lies in the repeated stretch after a change
    /// of the clock, or in the first minute after a gap; with a wildcard, a change of other than an hour lies between base and answer.
    private static func clockReason(_ difference: Difference) -> CroniterDifference? {
        let fields = difference.question.line.split(separator: " ")
        let hours = fields[fields.count - 4]
        guard let time = difference.theirs, let zone = try? ScheduleZone(difference.question.zone) else { return nil }
        for (before, after) in zip(zone.rules.spans, zone.rules.spans.dropFirst()) where after.start <= time {
            let shift = after.offset - before.offset
            if hours.contains("*"), shift < 0, shift != -3600, after.start > difference.question.base { return .unusualRepetition }
            if hours == "*" || hours == "*/1" { continue }
            if shift < 0, time < after.start - shift { return .repeatedReading }
            if shift > 0, time < after.start + 60 {
                if hours.contains("*") { return .skippedPace }
                if fields.count == 6, time > after.start { return .skippedSecond }
            }
        }
        return nil
    }
}
