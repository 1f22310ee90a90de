import { Link } from '@tanstack/react-router'
import { FileSearch, Plus, Trash2, Upload } from 'lucide-react'
import type { DragEvent } from 'react'
import { texts } from '~/i18n/texts'
import { Kbd } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Menu, MenuItem } from '~/ui/menu'
import type { Actions } from './actions'
import { Crumbs } from './crumbs'

const t = texts('files')

/** The head of a folder: where one is, the filter, and what begins here. */
export function Toolbar({
  server,
  path,
  needle,
  phone,
  acts,
  onNeedle,
  onDown,
  onDrop,
}: {
  server: string
  path: string
  needle: string
  phone: boolean
  acts: Actions
  onNeedle: (needle: string) => void
  /** From the filter into the list; `first` takes its first row. */
  onDown: (first: boolean) => void
  onDrop: (event: DragEvent, folder: string) => void
}) {
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <Crumbs server={server} path={path} onDrop={onDrop} />
      <span className="flex-1 max-sm:hidden" />
      <SearchInput
        label={t('filter')}
        hint={<Kbd>/</Kbd>}
        className="w-52 max-sm:w-auto max-sm:flex-1"
        value={needle}
        onChange={(event) => onNeedle(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onNeedle('')
          if (event.key !== 'ArrowDown' && event.key !== 'Escape' && event.key !== 'Enter') return
          event.preventDefault()
          onDown(event.key !== 'Escape')
        }}
      />
      <Link
        to="/servers/$server/files"
        params={{ server }}
        search={{ view: 'search', ...(path === '/' ? {} : { path }) }}
        title={t('search_all')}
        aria-label={t('search_all')}
        className={buttonClass('secondary', 'md', false, true)}
      >
        <FileSearch aria-hidden="true" size={16} strokeWidth={1.75} />
      </Link>
      <Link
        to="/servers/$server/files"
        params={{ server }}
        search={{ view: 'trash' }}
        title={t('trash')}
        aria-label={t('trash')}
        className={buttonClass('secondary', 'md', false, true)}
      >
        <Trash2 aria-hidden="true" size={16} strokeWidth={1.75} />
      </Link>
      {acts.upload.off !== false ? (
        <Button icon={Upload} iconOnly={phone} off={acts.upload.off}>
          {t('upload')}
        </Button>
      ) : (
        <Menu
          trigger={
            <Button icon={Upload} iconOnly={phone}>
              {t('upload')}
            </Button>
          }
        >
          {[acts.upload, acts.uploadFolder].map(({ id, icon, word, run }) => (
            <MenuItem key={id} icon={icon} onSelect={run}>
              {word}
            </MenuItem>
          ))}
        </Menu>
      )}
      <Menu
        trigger={
          <Button look="primary" icon={Plus}>
            {t('new')}
          </Button>
        }
      >
        {[acts.file, acts.folder].map(({ id, icon, word, off, run }) => (
          <MenuItem key={id} icon={icon} off={off} onSelect={run}>
            {word}
          </MenuItem>
        ))}
      </Menu>
    </div>
  )
}
