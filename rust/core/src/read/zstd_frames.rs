//! Where the frames of a Zstandard file start.
//!
//! In: a file. Out: the places, found by the headers of frames and blocks alone (RFC 8878, 3.1): nothing is decompressed,
//! and what is between the headers is not read.

use std::io::{self, Read, Seek, SeekFrom};

const MAGIC: u32 = 0xFD2F_B528;
/// The magic number of a frame that is skipped, without its lowest four bits, which are free.
const SKIPPED_MAGIC: u32 = 0x184D_2A50;

/// The starts of all frames up to the end of the file, or up to where it is no longer one of frames.
pub fn frame_starts(file: &mut (impl Read + Seek)) -> io::Result<Vec<u64>> {
    let end = file.seek(SeekFrom::End(0))?;
    let (mut starts, mut at) = (Vec::new(), 0);
    while at < end {
        let Some(next) = frame_end(file, at)? else { break };
        starts.push(at);
        at = next;
    }
    Ok(starts)
}

/// The byte after the frame that starts there; `None` if none does, or it has no end.
fn frame_end(file: &mut (impl Read + Seek), start: u64) -> io::Result<Option<u64>> {
    let Some(magic) = bytes_at::<4>(file, start)?.map(u32::from_le_bytes) else { return Ok(None) };
    if magic & !0xF == SKIPPED_MAGIC {
        let content = bytes_at::<4>(file, start + 4)?.map(u32::from_le_bytes);
        return Ok(content.map(|bytes| start + 8 + u64::from(bytes)));
    }
    let Some([descriptor]) = bytes_at::<1>(file, start + 4)?.filter(|_| magic == MAGIC) else {
        return Ok(None);
    };
    let is_single_segment = descriptor & 0x20 != 0;
    let dictionary_id = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content_size = match descriptor >> 6 {
        0 => u64::from(is_single_segment),
        exponent => 1 << exponent,
    };
    let mut at = start + 5 + u64::from(!is_single_segment) + dictionary_id + content_size;
    loop {
        let Some([low, middle, high]) = bytes_at::<3>(file, at)? else { return Ok(None) };
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let content = match header >> 1 & 3 {
            // One byte, repeated.
            1 => 1,
            _ => header >> 3,
        };
        at += 3 + u64::from(content);
        if header & 1 == 1 {
            let has_checksum = descriptor & 4 != 0;
            return Ok(Some(at + if has_checksum { 4 } else { 0 }));
        }
    }
}

fn bytes_at<const N: usize>(file: &mut (impl Read + Seek), at: u64) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use zstd::stream::write::Encoder;
    use zstd::zstd_safe::find_frame_compressed_size;

    use super::*;

    /// A frame of that many random or equal bytes, in as many blocks as it takes.
    fn frame(bytes: usize, is_random: bool, has_checksum: bool, has_size: bool) -> Vec<u8> {
        let mut state = 1_u32;
        let content: Vec<u8> = (0..bytes)
            .map(|_| {
                state = state.wrapping_mul(0x0019_660D).wrapping_add(0x3C6E_F35F);
                if is_random { state.to_be_bytes()[0] } else { b'x' }
            })
            .collect();
        let mut encoder = Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(has_checksum).unwrap();
        encoder.include_contentsize(has_size).unwrap();
        encoder.set_pledged_src_size(has_size.then_some(bytes as u64)).unwrap();
        io::Write::write_all(&mut encoder, &content).unwrap();
        encoder.finish().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn frames_start_where_the_library_says(
            parts in prop::collection::vec((0_usize..400_000, any::<bool>(), any::<bool>(), any::<bool>()), 1..4),
            skipped in prop::option::of(0_u8..9),
        ) {
            let mut file = Vec::new();
            if let Some(bytes) = skipped {
                file.extend((SKIPPED_MAGIC | 7).to_le_bytes());
                file.extend(u32::from(bytes).to_le_bytes());
                file.extend(vec![0; usize::from(bytes)]);
            }
            for (bytes, is_random, has_checksum, has_size) in parts {
                file.extend(frame(bytes, is_random, has_checksum, has_size));
            }
            let (mut expected, mut at) = (Vec::new(), 0);
            while at < file.len() {
                expected.push(at as u64);
                at += find_frame_compressed_size(&file[at..]).unwrap();
            }
            prop_assert_eq!(frame_starts(&mut Cursor::new(&file)).unwrap(), expected);
        }
    }

    #[test]
    fn frames_end_where_the_file_is_none() {
        let mut file = frame(10, true, false, true);
        let end = file.len() as u64;
        file.extend(b"no frame");
        assert_eq!(frame_starts(&mut Cursor::new(&file)).unwrap(), [0]);
        file.truncate(usize::try_from(end).unwrap() - 1);
        assert!(frame_starts(&mut Cursor::new(&file)).unwrap().len() <= 1);
    }
}
