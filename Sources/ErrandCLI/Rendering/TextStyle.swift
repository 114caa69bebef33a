// Colours, and the words for times that are near.

import Errand

/// How text for people is painted.
struct TextStyle: Sendable {
    /// Whether escape sequences are used.
    var isColored = false
    /// Whether times are shown in UTC.
    var isUTC = false

    /// Plain text unless told otherwise.
    init(isColored: Bool = false, isUTC: Bool = false) {
        self.isColored = isColored
        self.isUTC = isUTC
    }

    /// A terminal's colours.
    enum Color: Int {
        case red = 31
        case green = 32
        case yellow = 33
        case blue = 34
        case magenta = 35
        case cyan = 36
        case gray = 90
    }

    /// `text` in `color`, where colours are used.
    func paint(_ text: String, _ color: Color?) -> String {
        guard isColored, let color else { return text }
        return "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m"
    }

    /// `text`, made to stand out.
    func bold(_ text: String) -> String { isColored ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    /// The same colour for the same text, always.
    func stable(_ text: String) -> String {
        let colors: [Color] = [.cyan, .green, .yellow, .blue, .magenta, .red]
        // FNV-1a: Swift's own hash differs from process to process.
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return paint(text, colors[Int(hash >> 32 % UInt64(colors.count))])
    }

    /// A moment in words for people: the time, and how far away it is.
    func moment(_ time: Timestamp, now: Timestamp) -> String {
        "\(LocalTime.text(time, utc: isUTC)) (\(TextStyle.distance(of: time, from: now)))"
    }

    /// `3m 5s ago`, `in 2h`, `now`.
    static func distance(of time: Timestamp, from now: Timestamp) -> String {
        let duration = now - time
        if duration >= .seconds(1) { return "\(DurationText.format(duration)) ago" }
        if duration <= .seconds(-1) { return "in \(DurationText.format(.zero - duration))" }
        return "now"
    }

    /// The colour of a state.
    static func color(of state: JobState) -> Color? {
        switch state {
        case .completed: .green
        case .dead: .red
        case .running: .cyan
        case .retryable: .yellow
        case .cancelled: .gray
        case .available, .scheduled, .waiting, .blocked: nil
        }
    }
}
