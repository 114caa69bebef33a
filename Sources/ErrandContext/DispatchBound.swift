// Dispatch with callbacks that run as the execution that hands them over: each call's own name with `Bound` behind it.

public import Dispatch

extension DispatchQueue {
    /// As `async`; `work` runs as the execution that is current now.
    public func asyncBound(
        group: DispatchGroup? = nil, qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [],
        execute work: @escaping @Sendable () -> Void
    ) {
        async(group: group, qos: qos, flags: flags, execute: ExecutionContext.bind(work))
    }

    /// As `asyncAfter(deadline:)`; `work` runs as the execution that is current now.
    public func asyncAfterBound(
        deadline: DispatchTime, qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [],
        execute work: @escaping @Sendable () -> Void
    ) {
        asyncAfter(deadline: deadline, qos: qos, flags: flags, execute: ExecutionContext.bind(work))
    }

    /// As `asyncAfter(wallDeadline:)`; `work` runs as the execution that is current now.
    public func asyncAfterBound(
        wallDeadline: DispatchWallTime, qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [],
        execute work: @escaping @Sendable () -> Void
    ) {
        asyncAfter(wallDeadline: wallDeadline, qos: qos, flags: flags, execute: ExecutionContext.bind(work))
    }

    /// As `concurrentPerform`; every iteration runs as the execution that is current now, on whichever thread.
    public static func concurrentPerformBound(iterations: Int, execute work: @Sendable (Int) -> Void) {
        let snapshot = ExecutionContext.capture()
        concurrentPerform(iterations: iterations) { iteration in snapshot.run { work(iteration) } }
    }
}

extension DispatchGroup {
    /// As `notify`; `work` runs as the execution that is current now, whoever leaves the group last.
    public func notifyBound(
        qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [], queue: DispatchQueue,
        execute work: @escaping @Sendable () -> Void
    ) {
        notify(qos: qos, flags: flags, queue: queue, execute: ExecutionContext.bind(work))
    }
}

extension DispatchWorkItem {
    /// A work item whose `block` runs as the execution that is current now, wherever the item is performed.
    public static func bound(
        qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [], block: @escaping @Sendable () -> Void
    ) -> DispatchWorkItem {
        DispatchWorkItem(qos: qos, flags: flags, block: ExecutionContext.bind(block))
    }

    /// As `notify`; `work` runs as the execution that is current now, whoever performs the item.
    public func notifyBound(
        qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [], queue: DispatchQueue,
        execute work: @escaping @Sendable () -> Void
    ) {
        notify(qos: qos, flags: flags, queue: queue, execute: ExecutionContext.bind(work))
    }
}

extension DispatchSourceProtocol {
    /// As `setEventHandler`; `handler` runs as the execution that is current now: for timers, signals, files and processes.
    public func setEventHandlerBound(
        qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [], handler: @escaping @Sendable () -> Void
    ) {
        setEventHandler(qos: qos, flags: flags, handler: ExecutionContext.bind(handler))
    }

    /// As `setCancelHandler`; `handler` runs as the execution that is current now, whoever cancels the source.
    public func setCancelHandlerBound(
        qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [], handler: @escaping @Sendable () -> Void
    ) {
        setCancelHandler(qos: qos, flags: flags, handler: ExecutionContext.bind(handler))
    }

    /// As `setRegistrationHandler`; `handler` runs as the execution that is current now.
    public func setRegistrationHandlerBound(
        qos: DispatchQoS = .unspecified, flags: DispatchWorkItemFlags = [], handler: @escaping @Sendable () -> Void
    ) {
        setRegistrationHandler(qos: qos, flags: flags, handler: ExecutionContext.bind(handler))
    }
}
