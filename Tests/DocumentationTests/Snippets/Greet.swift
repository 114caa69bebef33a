// A job as programs usually write it.

// snippet.show
import Errand

struct Greet: Job {
    static let kind = "greet"
    var name: String
}
