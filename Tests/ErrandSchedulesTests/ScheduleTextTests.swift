// Schedules in plain English.

import ErrandContext
import Testing

@testable import ErrandSchedules

struct ScheduleTextTests {
    @Test(arguments: [
        ("0 3 * * *", "Europe/Berlin", "every day at 03:00 (Europe/Berlin)"),
        ("*/15 * * * *", "UTC", "every 15 minutes"),
        ("*/15 * * * *", "Asia/Kathmandu", "every 15 minutes (Asia/Kathmandu)"),
        ("* * * * *", "UTC", "every minute"),
        ("* * * * * *", "UTC", "every second"),
        ("*/10 * * * * *", "UTC", "every 10 seconds"),
        ("@hourly", "UTC", "every hour"),
        ("5 * * * *", "UTC", "every hour at minute 5"),
        ("5/30 * * * *", "UTC", "every hour at minutes 5 and 35"),
        ("*/25 * * * *", "UTC", "every hour at minutes 0, 25 and 50"),
        ("30 * * * * *", "UTC", "every minute at second 30"),
        ("30 9,17 * * MON-FRI", "America/New_York", "at 09:30 and 17:30 on Monday to Friday (America/New_York)"),
        ("0 9 * * 1,3,5", "UTC", "at 09:00 on Monday, Wednesday and Friday (UTC)"),
        ("0 9 * * FRI-MON", "UTC", "at 09:00 on Monday and Friday to Sunday (UTC)"),
        ("0 9 * 6-8 SAT,SUN", "UTC", "at 09:00 on Saturday and Sunday in June to August (UTC)"),
        ("@monthly", "UTC", "on the 1st of every month at 00:00 (UTC)"),
        ("@yearly", "UTC", "on the 1st of January at 00:00 (UTC)"),
        ("0 0 L * *", "UTC", "on the last day of every month at 00:00 (UTC)"),
        ("0 0 1-5,15,L * *", "UTC", "on the 1st to 5th, 15th and last day of every month at 00:00 (UTC)"),
        ("0 0 31 * *", "UTC", "on the 31st, where there is one, of every month at 00:00 (UTC)"),
        ("0 0 31 1,12 *", "UTC", "on the 31st of January and December at 00:00 (UTC)"),
        ("0 0 29 2 *", "UTC", "on the 29th, where there is one, of February at 00:00 (UTC)"),
        ("0 6 * 3 FRI#3", "UTC", "on the third Friday of March at 06:00 (UTC)"),
        ("0 6 * * FRIL", "UTC", "on the last Friday of every month at 06:00 (UTC)"),
        ("0 6 * * MON,FRI#5", "UTC", "on every Monday and the fifth Friday, where there is one, of every month at 06:00 (UTC)"),
        ("0 0 13 * FRI", "UTC", "on every day that is the 13th or a Friday at 00:00 (UTC)"),
        ("0 0 1,L 3 5#2", "UTC", "on every day of March that is the 1st, the last day or the second Friday of its month at 00:00 (UTC)"),
        ("0 3 * 6-8 *", "UTC", "every day of June to August at 03:00 (UTC)"),
        ("*/15 9-17 * * *", "UTC", "every 15 minutes from 09:00 to 17:45 every day (UTC)"),
        ("*/15 9-17 * * MON-FRI", "UTC", "every 15 minutes from 09:00 to 17:45 on Monday to Friday (UTC)"),
        ("5 9-17 * * *", "UTC", "every hour from 09:05 to 17:05 every day (UTC)"),
        ("0 */2 * * *", "Europe/Berlin", "every 2 hours from 00:00 to 22:00 every day (Europe/Berlin)"),
        ("0 */12 * * *", "UTC", "every 12 hours from 00:00 to 12:00 every day (UTC)"),
        ("0 0,12 * * *", "UTC", "every day at 00:00 and 12:00 (UTC)"),
        ("*/10 * 9 * * *", "UTC", "every 10 seconds from 09:00:00 to 09:59:50 every day (UTC)"),
        ("*/5 * * 3 *", "UTC", "every 5 minutes in March (UTC)"),
        ("*/5 * * * MON", "UTC", "every 5 minutes on Monday (UTC)"),
        ("*/5 * 1 * *", "UTC", "every 5 minutes on the 1st of every month (UTC)"),
        ("*/15 9,12,15 * * *", "UTC", "at minutes 0, 15, 30 and 45 of hours 9, 12 and 15 every day (UTC)"),
        ("* 1,4-6 * * *", "UTC", "every minute of hours 1 and 4 to 6 every day (UTC)"),
        ("* */5 * * *", "UTC", "every minute of hours 0, 5, 10, 15 and 20, whenever the clock shows them, every day (UTC)"),
        ("0 0/2 * * *", "UTC", "at minute 0 of hours 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20 and 22 every day (UTC)"),
        ("5 3,17 * * * *", "UTC", "at second 5 of minutes 3 and 17 of every hour"),
        ("30 15 3 * * *", "UTC", "every day at 03:15:30 (UTC)"),
        ("*/10 22-2 * * *", "UTC", "at minutes 0, 10, 20, 30, 40 and 50 of hours 0 to 2, 22 and 23 every day (UTC)"),
    ])
    func `a cron line is said exactly`(line: String, zone: String, text: String) throws {
        #expect(try Schedule.cron(line, zone: zone).description == text)
    }

    @Test(arguments: [
        (900, 0, "every 15 minutes"), (1, 0, "every second"), (3600, 0, "every hour"), (60, 0, "every minute"),
        (5400, 0, "every 1 hour 30 minutes from 00:00 (UTC)"),
        (86_400, 0, "every 24 hours from 00:00 (UTC)"),
        (1_209_600, 345_600, "every 14 days, counted from 1970-01-05T00:00:00.000000Z"),
        (60, 30, "every minute, counted from 1970-01-01T00:00:30.000000Z"), (60, 120, "every minute"),
    ])
    func `an interval is said with its anchor unless that is plain`(seconds: Int64, anchor: Int64, text: String) throws {
        #expect(try Schedule.every(.seconds(seconds), from: Timestamp(seconds: anchor)).description == text)
    }

    @Test func `different rules never share a sentence`() throws {
        var random = RandomCronLine(generator: SeededGenerator(seed: 6))
        var rules: [String: (line: String, schedule: Schedule)] = [:]
        for _ in 0..<20_000 {
            let line = random.line(near: random.chance(50))
            guard let schedule = try? Schedule.cron(line) else { continue }
            let text = schedule.description
            guard let other = rules[text] else {
                rules[text] = (line, schedule)
                continue
            }
            #expect(other.schedule == schedule, "seed 6: \(line) and \(other.line): \(text)")
        }
        #expect(rules.count > 10_000)
    }
}
