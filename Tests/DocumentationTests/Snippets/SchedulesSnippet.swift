// Schedules by themselves.

import ErrandSchedules

enum SchedulesSnippet {
    static func texts() throws -> [String] {
        // snippet.show
        let nightly = try Schedule.cron("30 2 * * *", zone: "Europe/Berlin")
        let often = try Schedule.every(.seconds(900))
        print(nightly)  // every day at 02:30 (Europe/Berlin)
        print(often)  // every 15 minutes
        // snippet.hide
        return [nightly.description, often.description]
    }
}
