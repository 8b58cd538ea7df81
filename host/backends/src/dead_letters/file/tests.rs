use tempfile::TempDir;

use super::{
    super::{BoxError, LetterBox, form::tests::letter},
    *,
};

fn numbered(number: u32) -> DeadLetter {
    DeadLetter { sub_sequence: number, ..letter(format!("{{\"number\":{number}}}")) }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<DeadLetter> {
    range.map(numbered).collect()
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("deep/er/failed.jsonl")
}

async fn all(path: &Path) -> Vec<DeadLetter> {
    let mut letters = Vec::new();
    let mut opened = FileBox::look(path);
    loop {
        let found = opened.next().await.unwrap();
        if found.is_empty() {
            return letters;
        }
        letters.extend(found.into_iter().map(|found| found.letter.unwrap()));
    }
}

#[tokio::test]
async fn letters_come_back_in_order_and_two_pipelines_may_share_a_file() {
    let folder = TempDir::new().unwrap();
    let path = path(&folder);
    let (one, two) =
        (FileDeadLetters::open(&path).await.unwrap(), FileDeadLetters::open(&path).await.unwrap());
    one.put(&numbers(0..3)).await.unwrap();
    two.put(&numbers(3..4)).await.unwrap();
    one.put(&numbers(4..9)).await.unwrap();
    assert_eq!(all(&path).await, numbers(0..9));
    let at_once = (0..40).map(|number| {
        let one = one.clone();
        async move { one.put(&[numbered(number), numbered(number)]).await }
    });
    futures::future::try_join_all(at_once).await.unwrap();
    let all = all(&path).await;
    assert_eq!(all.len(), 89);
    assert!(all[9..].chunks(2).all(|pair| pair[0] == pair[1]), "no line came between those of one call");
}

#[tokio::test]
async fn half_a_letter_that_a_crash_left_goes_and_the_next_is_whole() {
    let folder = TempDir::new().unwrap();
    let path = path(&folder);
    FileDeadLetters::open(&path).await.unwrap().put(&numbers(0..2)).await.unwrap();
    let whole = fs::read(&path).unwrap();
    let second = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in [second + 1, second + 12, whole.len() - 2] {
        fs::write(&path, &whole[..length]).unwrap();
        let letters = FileDeadLetters::open(&path).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole[..second], "cut at {length}");
        letters.put(&[numbered(7)]).await.unwrap();
        assert_eq!(all(&path).await, [numbered(0), numbered(7)]);
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    FileDeadLetters::open(&path).await.unwrap();
    assert_eq!(all(&path).await, numbers(0..2), "the letter was whole but for the end of its line");
}

#[tokio::test]
async fn what_is_no_letter_stays_and_is_told() {
    let folder = TempDir::new().unwrap();
    let path = path(&folder);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "notes of somebody").unwrap();
    let letters = FileDeadLetters::open(&path).await.unwrap();
    letters.put(&numbers(0..1)).await.unwrap();
    let found = FileBox::look(&path).next().await.unwrap();
    assert_eq!(found[0].line, "notes of somebody");
    assert!(found[0].letter.is_err() && found[1].letter == Ok(numbered(0)) && found.len() == 2);
}

#[tokio::test]
async fn letters_that_are_taken_out_are_gone_and_those_kept_meanwhile_are_not() {
    let folder = TempDir::new().unwrap();
    let path = path(&folder);
    let letters = FileDeadLetters::open(&path).await.unwrap();
    letters.put(&numbers(0..10)).await.unwrap();
    let mut opened = FileBox::redrive(&path).unwrap();
    let found = opened.next().await.unwrap();
    letters.put(&numbers(10..12)).await.unwrap();
    let even = found.iter().step_by(2).map(|found| found.line.clone()).collect::<Vec<_>>();
    opened.take_out(&even).await.unwrap();
    letters.put(&numbers(12..13)).await.unwrap();
    assert!(opened.next().await.unwrap().is_empty(), "what was kept meanwhile is for the next time");
    let left: Vec<u32> = all(&path).await.iter().map(|letter| letter.sub_sequence).collect();
    assert_eq!(left, [1, 3, 5, 7, 9, 10, 11, 12]);
    opened.take_out(&even).await.unwrap();
    assert_eq!(all(&path).await.len(), 8, "what is gone already is passed over");
}

#[tokio::test]
async fn writers_and_a_redriver_at_once_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let path = path(&folder);
    let letters = FileDeadLetters::open(&path).await.unwrap();
    let writing = async {
        for number in 0..200 {
            letters.put(&[numbered(number)]).await.unwrap();
        }
    };
    let redriving = async {
        let mut taken = Vec::new();
        while taken.len() < 200 {
            let mut opened = FileBox::redrive(&path).unwrap();
            let found = opened.next().await.unwrap();
            let lines: Vec<_> = found.iter().map(|found| found.line.clone()).collect();
            opened.take_out(&lines).await.unwrap();
            taken.extend(found.into_iter().map(|found| found.letter.unwrap()));
            tokio::task::yield_now().await;
        }
        taken
    };
    let ((), taken) = futures::join!(writing, redriving);
    assert_eq!(taken, numbers(0..200));
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[tokio::test]
async fn only_one_redrives_at_a_time() {
    let folder = TempDir::new().unwrap();
    let path = path(&folder);
    FileDeadLetters::open(&path).await.unwrap();
    let first = FileBox::redrive(&path).unwrap();
    let BoxError(refused) = FileBox::redrive(&path).unwrap_err();
    assert!(refused.starts_with("another process redrives the file: wait for it, path="), "{refused}");
    drop(first);
    FileBox::redrive(&path).unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = FileDeadLetters::open(&file.join("failed.jsonl")).await.unwrap_err().to_string();
    let expected =
        "the file of dead letters cannot be opened: give a path that this user may write to, path=";
    assert!(refused.starts_with(expected), "{refused}");
    assert!(FileBox::look(&folder.path().join("none")).next().await.unwrap().is_empty());
}
