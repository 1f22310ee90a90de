import { Link } from '@tanstack/react-router'
import { ChevronLeft } from 'lucide-react'
import { buttonClass } from '~/ui/button'

/** Out of a view and into a folder; its word stands where the page begins. */
export function BackLink({ server, folder, word }: { server: string; folder: string; word: string }) {
  return (
    <Link
      to="/servers/$server/files"
      params={{ server }}
      search={folder === '/' ? {} : { path: folder }}
      className={`${buttonClass('quiet', 'md', false)} -ml-3`}
    >
      <ChevronLeft aria-hidden="true" size={14} />
      {word}
    </Link>
  )
}
