// One job of a scene: it speaks, and every message says who truly spoke.

import Errand
package import ErrandContext
import Logging

/// One job among many that play the same mechanism at the same time.
package final class Player: Sendable {
    /// Its place among the players, from 0.
    package let number: Int
    /// Who it is.
    package let context: ExecutionContext
    private let own: Logger
    private let scene: Scene
    private let said = Tally()
    private let end = Tally()

    init(number: Int, context: ExecutionContext, scene: Scene) {
        self.number = number
        self.context = context
        self.scene = scene
        own = context.logger
    }

    /// All players of the scene.
    package var everyone: [Player] { scene.players }
    /// The next in the ring: whom this one fires callbacks for.
    package var neighbour: Int { (number + 1) % scene.players.count }

    /// Writes two lines, one through an ordinary logger and one through the execution's own, each with the true execution in its text.
    package func say(file: String = #fileID, line: UInt = #line) {
        if let current = scene.brokenContext {
            scene.file(under: current.current, message: "\(context.executionID) \(Scene.ordinary)")
        } else {
            Scene.logger.info("\(context.executionID) \(Scene.ordinary)", file: file, line: line)
            own.info("\(context.executionID) \(Scene.captured)", file: file, line: line)
        }
        said.add()
    }

    /// Waits until all players have come here.
    package func meet() async { await scene.meetingPoint.arrive() }

    /// Waits until this player has spoken so many times.
    package func hasSpoken(_ times: Int) async { await said.reaches(times) }

    /// Waits until this player's execution has ended.
    package func hasEnded() async { await end.reaches(1) }

    /// How many times it spoke.
    var count: Int { said.count }

    /// Ends the execution: what it says from now on is late.
    func endExecution() {
        context.log.end(at: context.now())
        end.add()
    }
}
