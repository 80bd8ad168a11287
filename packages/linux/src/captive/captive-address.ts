/**
 * The address that programs in a captive network have, and that they find a name server at: of the range for measurements
 * between networks, which nothing on the Internet has (RFC 2544).
 */
export const captiveAddress = '198.18.0.1'
