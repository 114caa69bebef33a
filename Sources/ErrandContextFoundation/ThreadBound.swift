// Foundation's threads and run loops with blocks that run as the execution that hands them over.

public import Foundation

extension Thread {
    /// A thread, not yet started, whose `block` runs as the execution that is current now.
    public static func bound(block: @escaping @Sendable () -> Void) -> Thread {
        Thread(block: ExecutionContext.bind(block))
    }

    /// As `detachNewThread`; `block` runs as the execution that is current now.
    public static func detachNewThreadBound(_ block: @escaping @Sendable () -> Void) {
        detachNewThread(ExecutionContext.bind(block))
    }
}

extension RunLoop {
    /// As `perform`; `block` runs as the execution that is current now.
    public func performBound(_ block: @escaping @Sendable () -> Void) {
        perform(ExecutionContext.bind(block))
    }
}
