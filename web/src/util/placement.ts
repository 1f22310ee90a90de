import type { Limits, Node } from '~/api/types'
import { texts } from '~/i18n/texts'
import { bytesText } from './format'

const t = texts('server_new')

export interface Ranked {
  node: Node
  fits: boolean
  /** The reason, as a person reads it. */
  why: string
}

function freeAfter(node: Node, limits: Limits): { memory: number; disk: number } {
  return {
    memory: node.host.memory_bytes - node.promised.memory_bytes - limits.memory_bytes,
    disk:
      (node.load
        ? node.load.disk_total_bytes - node.load.disk_used_bytes
        : node.host.disk_bytes - node.promised.disk_bytes) - limits.disk_bytes,
  }
}

/** Nodes in the order in which a server would go to them, each with the reason. Full ones still can be chosen. */
export function rankNodes(nodes: Node[], limits: Limits): Ranked[] {
  const ranked = nodes.map((node): Ranked & { free: number } => {
    const free = freeAfter(node, limits)
    const refuse = (why: string) => ({ node, fits: false, why, free: free.memory })
    if (node.state === 'offline') return refuse(t('why.away'))
    if (node.state !== 'online') return refuse(t.maybe(`why.${node.state}`) ?? node.state)
    if (free.memory < 0) return refuse(t('why.memory', { lacking: bytesText(-free.memory, true) }))
    if (free.disk < 0) return refuse(t('why.disk', { lacking: bytesText(-free.disk, true) }))
    return {
      node,
      fits: true,
      why: t('why.free', { memory: bytesText(free.memory, true) }),
      free: free.memory,
    }
  })
  ranked.sort((a, b) => Number(b.fits) - Number(a.fits) || b.free - a.free)
  return ranked.map(({ node, fits, why }, at) => ({
    node,
    fits,
    why: fits && at === 0 ? t('why.most', { why }) : why,
  }))
}
