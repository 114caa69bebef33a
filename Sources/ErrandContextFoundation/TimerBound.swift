// Foundation's timers with blocks that run as the execution that makes them.

public import Foundation

extension Timer {
    /// A timer, not yet scheduled, whose `block` runs as the execution that is current now. `interval` is in seconds.
    public static func bound(
        timeInterval interval: TimeInterval, repeats: Bool, block: @escaping @Sendable (Timer) -> Void
    ) -> Timer {
        Timer(timeInterval: interval, repeats: repeats, block: ExecutionContext.bind(block))
    }

    /// As `scheduledTimer`; `block` runs as the execution that is current now. `interval` is in seconds.
    @discardableResult
    public static func scheduledTimerBound(
        withTimeInterval interval: TimeInterval, repeats: Bool, block: @escaping @Sendable (Timer) -> Void
    ) -> Timer {
        scheduledTimer(withTimeInterval: interval, repeats: repeats, block: ExecutionContext.bind(block))
    }
}
