import { type Ref, useImperativeHandle, useRef } from 'react'
import { texts } from '~/i18n/texts'
import { chosen } from '~/transfers/pick'
import type { Picked } from '~/transfers/queue'

const t = texts('files')

export interface Picker {
  ask: (what: 'files' | 'folder') => void
}

/** The browser's own dialogs for files and for a folder. */
export function UploadInputs({
  ref,
  onPicked,
}: {
  ref: Ref<Picker>
  onPicked: (picked: readonly Picked[]) => void
}) {
  const files = useRef<HTMLInputElement>(null)
  const folder = useRef<HTMLInputElement>(null)
  useImperativeHandle(ref, () => ({
    ask: (what) => (what === 'files' ? files : folder).current?.click(),
  }))
  const input = (what: 'files' | 'folder') => (
    <input
      ref={(element) => {
        if (what === 'files') files.current = element
        else {
          folder.current = element
          // React does not know this one.
          element?.setAttribute('webkitdirectory', '')
        }
      }}
      type="file"
      multiple
      hidden
      aria-label={t(`upload.${what}`)}
      onChange={(event) => {
        onPicked(chosen(event.target.files ?? []))
        event.target.value = ''
      }}
    />
  )
  return (
    <>
      {input('files')}
      {input('folder')}
    </>
  )
}
