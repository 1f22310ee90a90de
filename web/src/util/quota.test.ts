import { expect, test } from 'vitest'
import type { Quota } from '~/api/types'
import { hasQuota, limitRows, limitsText, quotaRows } from './quota'

const GIB = 1024 ** 3
const used = {
  servers: 2,
  memory_bytes: 3 * GIB,
  disk_bytes: null,
  cpu_percent: 150,
  ports: 4,
  subusers: 0,
  databases: 1,
  backups: 0,
  backup_bytes: 0,
}

function of(limits: Quota['limits']) {
  return Object.fromEntries(quotaRows({ limits, used }).map((row) => [row.name, row]))
}

test('without a limit a row says what is there', () => {
  const rows = of({})
  expect(rows.servers).toMatchObject({ share: undefined, text: '2' })
  expect(rows.memory_bytes?.text).toBe('3 GiB')
  expect(rows.disk_bytes?.text).toBe('no limit')
  expect(rows.cpu_percent?.text).toBe('1.5 cores')
})

test('with a limit a row says how much of it is given out', () => {
  const rows = of({ servers: 4, memory_bytes: 2 * GIB, disk_bytes: GIB, cpu_percent: 300, subusers: 0 })
  expect(rows.servers).toMatchObject({ share: 0.5, text: '2 of 4' })
  expect(rows.memory_bytes).toMatchObject({ share: 1.5, text: '3.00 of 2 GiB' })
  expect(rows.disk_bytes).toMatchObject({ share: Number.POSITIVE_INFINITY, text: 'no limit, of 1 GiB' })
  expect(rows.cpu_percent).toMatchObject({ share: 0.5, text: '1.5 of 3 cores' })
  expect(rows.subusers).toMatchObject({ share: 0, text: '0 of 0' })
})

test('nothing of nothing is no quota', () => {
  expect(hasQuota({ limits: {} })).toBe(false)
  expect(hasQuota({ limits: { servers: null } })).toBe(false)
  expect(hasQuota({ limits: { servers: 0 } })).toBe(true)
})

test('what a plan holds is told in words, and what it does not bound too', () => {
  const words = (limits: Quota['limits']) => limitsText(limits).replaceAll('\u00a0', ' ')
  expect(words({})).toBe('no limit')
  expect(words({ servers: 1, memory_bytes: 8 * GIB, cpu_percent: 100, ports: 2 })).toBe(
    '1 server, 8 GiB memory, 1 core, 2 ports; no limit on disk, shares, databases, backups and space for backups',
  )
  const all = {
    servers: 3,
    memory_bytes: GIB,
    disk_bytes: GIB,
    cpu_percent: 150,
    ports: 0,
    subusers: 1,
    databases: 2,
    backups: 5,
    backup_bytes: 2 * 1024 ** 3,
  }
  expect(words(all)).toBe(
    '3 servers, 1 GiB memory, 1 GiB disk, 1.5 cores, 0 ports, 1 share, 2 databases, 5 backups, 2 GiB of backups',
  )
  expect(words({ ...all, cpu_percent: null })).toContain('; no limit on CPU')
})

test('0 is a limit, and nothing is none', () => {
  const rows = Object.fromEntries(
    limitRows({ servers: 0, disk_bytes: null }).map((row) => [row.name, row.text]),
  )
  expect(rows).toMatchObject({ servers: '0', disk_bytes: undefined, ports: undefined })
})
