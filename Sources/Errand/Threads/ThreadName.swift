// The name of a thread, as `top -H` shows it.

import CErrand

/// Names the calling thread; 15 bytes are kept.
package func nameThread(_ name: String) { errand_thread_name(name) }
