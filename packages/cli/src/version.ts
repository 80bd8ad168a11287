/** The version of Gantry: command, daemon and library are one release. */
export const version = '0.1.0'
