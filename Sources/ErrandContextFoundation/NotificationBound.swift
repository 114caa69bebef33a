// Observers of notifications that run as the execution that registers them, not as the one that posts.

public import Foundation

extension NotificationCenter {
    /// As `addObserver(forName:object:queue:using:)`; `block` runs as the execution that is current now, whoever posts.
    ///
    /// The token that comes back is the centre's own: give it to `removeObserver(_:)` when the job no longer listens.
    public func addObserverBound(
        forName name: Notification.Name?, object: Any?, queue: OperationQueue?, using block: @escaping @Sendable (Notification) -> Void
    ) -> any NSObjectProtocol {
        addObserver(forName: name, object: object, queue: queue, using: ExecutionContext.bind(block))
    }
}
