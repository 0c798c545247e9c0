# What stories with kubectl share: is WANTED COMMAND... fails with a sentence unless the command answers so.
is() {
  local wanted=$1
  shift
  local found
  found=$("$@")
  if [ "$found" != "$wanted" ]; then
    echo "$*: expected: $wanted; found: $found" >&2
    exit 1
  fi
}
