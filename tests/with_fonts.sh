#!/usr/bin/env bash
# Run a command on a machine that has only some fonts, as far as Chromium can see:
#
#   tests/with_fonts.sh none|dejavu|noto COMMAND…
#
# The fonts are Debian's packages, unpacked beside the build (_build/fonts), not installed.
set -euo pipefail

case "${1:-}" in
none) packages=() ;;
dejavu) packages=(fonts-dejavu-core fonts-dejavu-extra) ;;
noto) packages=(fonts-noto-core fonts-noto-mono) ;;
*)
  sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
fonts="$(cd "$(dirname "$0")/.." && pwd)/_build/fonts/$1"
shift

if [ ! -f "$fonts/fonts.conf" ]; then
  rm -rf "$fonts"
  mkdir -p "$fonts/unpacked"
  for package in "${packages[@]}"; do
    (cd "$fonts" && apt-get download -qq -o APT::Sandbox::User=root "$package")
    dpkg-deb --extract "$fonts/$package"_*.deb "$fonts/unpacked"
  done
  rm -f "$fonts"/*.deb
  # Debian's rules of what stands for what, with the folders of this machine's fonts left out.
  { sed -e '/<dir/d' -e '/<cachedir/d' -e '/<\/fontconfig>/d' /etc/fonts/fonts.conf
    echo "<dir>$fonts/unpacked</dir><cachedir>$fonts/cache</cachedir></fontconfig>"
  } | sed 's|>conf.d<|>/etc/fonts/conf.d<|' > "$fonts/fonts.conf"
fi
FONTCONFIG_FILE="$fonts/fonts.conf" exec "$@"
