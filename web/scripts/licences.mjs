// Which licences the packages of the web app and of its tools have; one that is not on the list fails.
import { readFileSync } from 'node:fs'

// What is built into the app is given away with it; all of these allow that with a notice.
const ALLOWED = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'CC0-1.0',
  'MPL-2.0',
  'BlueOak-1.0.0',
  'Python-2.0',
  'CC-BY-4.0',
  'OFL-1.1',
  'Unlicense',
])
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const counts = new Map()
const refused = []
for (const [path, { license, optional }] of Object.entries(packages)) {
  // The binary of another machine is only named here, not fetched; its licence is that of the package it belongs to.
  if (!path || (optional && !license)) continue
  const choices = (license ?? 'none').replace(/[()]/g, '').split(' OR ')
  const fine = choices.some((choice) => choice.split(' AND ').every((one) => ALLOWED.has(one.trim())))
  if (!fine) refused.push(`${path}: ${license ?? 'names no licence'}`)
  counts.set(license, (counts.get(license) ?? 0) + 1)
}
for (const [license, count] of [...counts].sort((a, b) => b[1] - a[1])) console.log(`${count} ${license}`)
if (refused.length) {
  console.error(`not on the list:\n  ${refused.join('\n  ')}`)
  process.exit(1)
}
