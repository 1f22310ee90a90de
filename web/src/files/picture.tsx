import { useEffect, useState } from 'react'
import { texts } from '~/i18n/texts'
import { cx } from '~/util/cx'
import { bytesText } from '~/util/format'
import { visible } from '~/util/visible'

const t = texts('file_editor')

/** A picture from the server, under a type of ours: the browser draws it and runs nothing. */
export function Picture({ name, picture, bytes }: { name: string; picture: Blob; bytes: number }) {
  const [address, setAddress] = useState<string>()
  const [size, setSize] = useState<{ width: number; height: number } | 'broken'>()
  useEffect(() => {
    const made = URL.createObjectURL(picture)
    setAddress(made)
    setSize(undefined)
    return () => URL.revokeObjectURL(made)
  }, [picture])
  // An icon of 64 pixels is looked at pixel by pixel.
  const small = typeof size === 'object' && size.width <= 128 && size.height <= 128
  return (
    <figure className="flex min-h-60 flex-1 flex-col overflow-hidden rounded-box border border-line bg-surface">
      <div className="checkers flex min-h-0 flex-1 items-center justify-center overflow-auto p-6">
        {address && size !== 'broken' && (
          <img
            src={address}
            alt={visible(name)}
            className={cx('max-w-full', small && 'w-64 [image-rendering:pixelated]')}
            onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
              setSize({ width: naturalWidth, height: naturalHeight })
            }
            onError={() => setSize('broken')}
          />
        )}
        {size === 'broken' && <p className="text-t2">{t('picture.broken')}</p>}
      </div>
      <figcaption className="num flex min-h-8 items-center gap-4 border-t border-line px-3 text-12 text-t3">
        {typeof size === 'object' && <span>{t('picture.size', size)}</span>}
        <span>{bytesText(bytes)}</span>
      </figcaption>
    </figure>
  )
}
