import { FileArchive, FileCog, Folder } from 'lucide-react'
import { expect, it } from 'vitest'
import { extension, iconOf, imageType, isArchive, modeOf, modeText, octal, pictureIn } from './kinds'

it('knows files by their ending', () => {
  expect(extension('Server.PROPERTIES')).toBe('properties')
  expect(extension('.bashrc')).toBe('')
  expect(iconOf({ name: 'config.yml', kind: 'file' })).toBe(FileCog)
  expect(iconOf({ name: 'logs.zip', kind: 'directory' })).toBe(Folder)
  expect(iconOf({ name: '2026-10-02.log.gz', kind: 'file' })).toBe(FileArchive)
})

it('takes for archives what can be unpacked', () => {
  expect(['a.zip', 'a.tar', 'a.tar.gz', 'a.TGZ', 'a.tar.zst', 'a.7z'].every(isArchive)).toBe(true)
  expect(['a.jar', 'a.gz', 'zip', 'a.rar'].some(isArchive)).toBe(false)
})

it('shows pictures under a type of ours, and never SVG', () => {
  expect(imageType('icon.PNG')).toBe('image/png')
  expect(imageType('icon.svg')).toBeUndefined()
  expect(pictureIn(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0]))).toBe('image/png')
  expect(pictureIn(new TextEncoder().encode('RIFF....WEBPVP8 '))).toBe('image/webp')
  expect(pictureIn(new TextEncoder().encode('<svg onload="x()">'))).toBeUndefined()
})

it('writes and reads modes', () => {
  expect(modeText(0o750)).toBe('rwxr-x---')
  expect(octal(0o100644)).toBe('0644')
  expect([modeOf('755'), modeOf('0644'), modeOf('888'), modeOf('7')]).toEqual([
    0o755,
    0o644,
    undefined,
    undefined,
  ])
})
