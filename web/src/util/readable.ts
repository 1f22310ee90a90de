/** Whether others on the way can read what a page sends: plain http to anything but this very machine. */
export function readable({ protocol, hostname }: { protocol: string; hostname: string }): boolean {
  if (protocol !== 'http:') return false
  return !(/^127(\.\d+){3}$/.test(hostname) || hostname === '[::1]' || /(^|\.)localhost$/.test(hostname))
}
