// Operations and their queues with blocks that run as the execution that adds them.

public import Foundation

extension OperationQueue {
    /// As `addOperation`; `block` runs as the execution that is current now.
    public func addOperationBound(_ block: @escaping @Sendable () -> Void) {
        addOperation(ExecutionContext.bind(block))
    }

    /// As `addBarrierBlock`; `block` runs as the execution that is current now.
    public func addBarrierBlockBound(_ block: @escaping @Sendable () -> Void) {
        addBarrierBlock(ExecutionContext.bind(block))
    }
}

extension BlockOperation {
    /// An operation whose `block` runs as the execution that is current now.
    public static func bound(block: @escaping @Sendable () -> Void) -> BlockOperation {
        BlockOperation(block: ExecutionContext.bind(block))
    }

    /// As `addExecutionBlock`; `block` runs as the execution that is current now.
    public func addExecutionBlockBound(_ block: @escaping @Sendable () -> Void) {
        addExecutionBlock(ExecutionContext.bind(block))
    }
}

extension Operation {
    /// Sets `completionBlock`; `block` runs as the execution that is current now.
    public func completionBlockBound(_ block: @escaping @Sendable () -> Void) {
        completionBlock = ExecutionContext.bind(block)
    }
}
