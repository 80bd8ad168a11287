/** The version of Gantry: command, daemon and library are one release. */
export const version = '0.1.0'

/** The version of the Docker Engine API that the daemon speaks. */
export const apiVersion = '1.51'
