/** The descriptor on which a daemon in the background says that it listens. */
export const readyDescriptor = 3

/** How a daemon in the background that could not start ends. */
export const exitStatuses = { failed: 1, alreadyRunning: 3 } as const
