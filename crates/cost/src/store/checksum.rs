//! CRC-32 as in zip files (polynomial 0xEDB88320).

/// For eight bytes at once: `TABLES[n][b]` is what byte `b` does with `n` bytes after it.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        tables[0][index] = value;
        index += 1;
    }
    let mut after = 1;
    while after < 8 {
        let mut index = 0;
        while index < 256 {
            let value = tables[after - 1][index];
            tables[after][index] = tables[0][(value & 0xff) as usize] ^ (value >> 8);
            index += 1;
        }
        after += 1;
    }
    tables
}

/// The checksum of bytes.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = !0u32;
    let (eights, rest) = bytes.as_chunks::<8>();
    for [a, b, c, d, e, f, g, h] in eights {
        let [i, j, k, l] = (sum ^ u32::from_le_bytes([*a, *b, *c, *d])).to_le_bytes();
        sum = [i, j, k, l, *e, *f, *g, *h]
            .into_iter()
            .zip(TABLES.iter().rev())
            .fold(0, |sum, (byte, table)| sum ^ table[usize::from(byte)]);
    }
    let step = |sum: u32, byte: &u8| TABLES[0][((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8);
    !rest.iter().fold(sum, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(b"The quick brown fox jumps over the lazy dog"), 0x414F_A339);
    }
}
